//! The options of `cargo xtask bench upgrades`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::bench::options::{HELP, list, pairs, seconds};

/// The parsed command line.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    pub(super) engines: Vec<&'static str>,
    /// Keep-alive connections.
    pub(super) connections: u32,
    /// In one run, if there is time for so many.
    pub(super) upgrades: usize,
    /// Between the end of one and the begin of the next.
    pub(super) pause: Duration,
    pub(super) rounds: usize,
    /// What is measured of one run.
    pub(super) duration: Duration,
    pub(super) json: Option<PathBuf>,
}

const ENGINES: [&str; 3] = ["cores", "threads", "pool"];

impl Options {
    /// Parses the words after `bench upgrades`.
    pub(super) fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self {
            engines: ENGINES.to_vec(),
            connections: 5_000,
            upgrades: 100,
            pause: Duration::from_millis(200),
            rounds: 3,
            duration: Duration::from_secs(60),
            json: None,
        };
        pairs(words, HELP, |option, value| {
            match option {
                "--engines" => {
                    options.engines = list(value, |name| ENGINES.into_iter().find(|engine| *engine == name))?;
                }
                "--connections" => options.connections = value.parse()?,
                "--upgrades" => options.upgrades = value.parse()?,
                "--pause" => options.pause = seconds(value)?,
                "--pairs" => options.rounds = value.parse()?,
                "--seconds" => options.duration = seconds(value)?,
                "--json" => options.json = Some(value.into()),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let all = options.rounds > 0 && options.connections > 0 && !options.duration.is_zero();
        ensure!(all, "--pairs, --connections and --seconds must be above 0");
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
        let options = parse("--engines cores,pool --pause 0.5 --upgrades 10").unwrap();
        assert_eq!((options.engines, options.connections), (vec!["cores", "pool"], 5_000));
        for line in ["--pairs 0", "--engines fast", "--connections 0", "--seconds -1", "--fast yes", "--json"]
        {
            let named = line.split(' ').next().unwrap();
            assert!(parse(line).unwrap_err().to_string().contains(named), "{line}");
        }
    }
}
