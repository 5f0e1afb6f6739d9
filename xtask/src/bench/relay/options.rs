//! The options of `cargo xtask bench relay`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::bench::options::{HELP, pairs, seconds};

/// The parsed command line.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    /// Rounds with the relay on, and with it off.
    pub(super) pairs: usize,
    pub(super) off_pairs: usize,
    /// What is measured of one run.
    pub(super) duration: Duration,
    pub(super) json: Option<PathBuf>,
}

impl Options {
    /// Parses the words after `bench relay`.
    pub(super) fn parse(words: &[String]) -> Result<Self> {
        let mut options =
            Self { pairs: 15, off_pairs: 3, duration: Duration::from_millis(1_500), json: None };
        pairs(words, HELP, |option, value| {
            match option {
                "--pairs" => options.pairs = value.parse()?,
                "--off-pairs" => options.off_pairs = value.parse()?,
                "--seconds" => options.duration = seconds(value)?,
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
        let options = parse("--off-pairs 0 --seconds 0.5").unwrap();
        assert_eq!((options.pairs, options.off_pairs, options.duration.as_millis()), (15, 0, 500));
        for line in ["--pairs 0", "--seconds -1", "--fast yes", "--json"] {
            let named = line.split(' ').next().unwrap();
            assert!(parse(line).unwrap_err().to_string().contains(named), "{line}");
        }
    }
}
