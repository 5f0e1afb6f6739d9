//! The options of `cargo xtask bench skew`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::bench::options::{HELP, pairs, seconds};

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
        pairs(words, HELP, |option, value| {
            match option {
                "--pairs" => options.pairs = value.parse()?,
                "--seconds" => options.duration = seconds(value)?,
                "--rate" => {
                    let rate = value.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
                    options.rate = Some(rate.context("no rate")?);
                }
                "--json" => options.json = Some(value.into()),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
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
