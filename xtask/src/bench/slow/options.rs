//! The options of `cargo xtask slow`.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::bench::options::{pairs, seconds};

const HELP: &str = "\
cargo xtask slow [options]

  --rounds N        runs of each kind (3)
  --connections N   slow connections (10000)
  --rate N          requests a second of the well-behaved client (2000)
  --seconds S       what is measured of each run (5)
  --engine E        cores, threads or pool (cores)
";

/// The parsed command line.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    pub(super) rounds: usize,
    pub(super) connections: u64,
    pub(super) rate: f64,
    pub(super) duration: Duration,
    pub(super) engine: String,
}

impl Options {
    /// Parses the words after `slow`.
    pub(super) fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self {
            rounds: 3,
            connections: 10_000,
            rate: 2000.0,
            duration: Duration::from_secs(5),
            engine: "cores".into(),
        };
        pairs(words, HELP, |option, value| {
            match option {
                "--rounds" => options.rounds = value.parse()?,
                "--connections" => options.connections = value.parse()?,
                "--rate" => options.rate = value.parse()?,
                "--seconds" => options.duration = seconds(value)?,
                "--engine" => options.engine = value.to_owned(),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let counts = options.rounds > 0 && options.connections > 0 && options.rate > 0.0;
        ensure!(counts && !options.duration.is_zero(), "all numbers must be above 0\n\n{HELP}");
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
        let options = parse("--rounds 1 --engine pool").unwrap();
        assert_eq!((options.rounds, options.connections, &*options.engine), (1, 10_000, "pool"));
        for line in ["--rounds 0", "--rate 0", "--seconds -1", "--fast yes", "--engine"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
