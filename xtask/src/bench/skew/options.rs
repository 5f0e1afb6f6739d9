//! The options of `cargo xtask bench skew`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::bench::options::HELP;

/// The parsed command line.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    /// Rounds.
    pub(super) pairs: usize,
    /// What is measured of one run.
    pub(super) duration: Duration,
    /// Requests a second of the open loop, if it is not to be found out.
    pub(super) rate: Option<f64>,
    pub(super) json: Option<PathBuf>,
}

impl Options {
    /// Parses the words after `bench skew`.
    pub(super) fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self { pairs: 15, duration: Duration::from_secs(1), rate: None, json: None };
        for pair in words.chunks(2) {
            let [option, value] = pair else { bail!("{} wants a value\n\n{HELP}", pair[0]) };
            let wrong = || format!("{option} {value}: not understood\n\n{HELP}");
            match option.as_str() {
                "--pairs" => options.pairs = value.parse().with_context(wrong)?,
                "--seconds" => {
                    let seconds = value.parse().with_context(wrong)?;
                    options.duration = Duration::try_from_secs_f64(seconds).with_context(wrong)?;
                }
                "--rate" => {
                    let rate = value.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
                    options.rate = Some(rate.with_context(wrong)?);
                }
                "--json" => options.json = Some(value.into()),
                _ => bail!("unknown option {option}\n\n{HELP}"),
            }
        }
        ensure!(options.pairs > 0 && !options.duration.is_zero(), "--pairs and --seconds must be above 0");
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn options_have_defaults_and_wrong_ones_are_named() {
        let options = parse("--seconds 0.5 --rate 3000").unwrap();
        assert_eq!((options.pairs, options.duration.as_millis(), options.rate), (15, 500, Some(3000.0)));
        for line in ["--pairs 0", "--seconds -1", "--rate 0", "--rate fast", "--fast yes", "--json"] {
            let named = line.split(' ').next().unwrap();
            assert!(parse(line).unwrap_err().to_string().contains(named), "{line}");
        }
    }
}
