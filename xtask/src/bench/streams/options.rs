//! The options of `cargo xtask bench streams`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::bench::options::{HELP, pairs, seconds};

/// The parsed command line.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    pub(super) rounds: usize,
    /// Uploads, and readers.
    pub(super) streams: usize,
    /// Plain requests a second; half of the capacity unless given.
    pub(super) rate: Option<f64>,
    /// What is measured of one run.
    pub(super) duration: Duration,
    pub(super) json: Option<PathBuf>,
}

impl Options {
    /// Parses the words after `bench streams`.
    pub(super) fn parse(words: &[String]) -> Result<Self> {
        let duration = Duration::from_secs(2);
        let mut options = Self { rounds: 9, streams: 500, rate: None, duration, json: None };
        pairs(words, HELP, |option, value| {
            match option {
                "--pairs" => options.rounds = value.parse()?,
                "--streams" => options.streams = value.parse()?,
                "--rate" => options.rate = Some(value.parse()?),
                "--seconds" => options.duration = seconds(value)?,
                "--json" => options.json = Some(value.into()),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let counts = options.rounds > 0 && options.streams > 0;
        ensure!(counts && !options.duration.is_zero(), "--pairs, --streams and --seconds must be above 0");
        ensure!(options.rate.is_none_or(|rate| rate > 0.0), "--rate must be above 0");
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
        let options = parse("--rate 5000 --seconds 0.5").unwrap();
        assert_eq!((options.rounds, options.streams, options.rate), (9, 500, Some(5000.0)));
        for line in ["--pairs 0", "--streams 0", "--rate -1", "--seconds -1", "--fast yes", "--json"] {
            let named = line.split(' ').next().unwrap();
            assert!(parse(line).unwrap_err().to_string().contains(named), "{line}");
        }
    }
}
