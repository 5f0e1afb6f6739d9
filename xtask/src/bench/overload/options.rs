//! The options of `cargo xtask bench overload`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::bench::options::{HELP, list, pairs, seconds};

const ENGINES: [&str; 3] = ["cores", "threads", "pool"];

/// The parsed command line.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    pub(super) engines: Vec<&'static str>,
    /// The value of `--shed-target`, where it is on.
    pub(super) target: String,
    pub(super) rounds: usize,
    /// What is measured of one run.
    pub(super) duration: Duration,
    pub(super) json: Option<PathBuf>,
}

impl Options {
    /// Parses the words after `bench overload`.
    pub(super) fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self {
            engines: ENGINES.to_vec(),
            target: "50ms".into(),
            rounds: 5,
            duration: Duration::from_secs(4),
            json: None,
        };
        pairs(words, HELP, |option, value| {
            match option {
                "--engines" => options.engines = list(value, engine)?,
                "--target" => options.target = value.into(),
                "--pairs" => options.rounds = value.parse()?,
                "--seconds" => options.duration = seconds(value)?,
                "--json" => options.json = Some(value.into()),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        ensure!(options.rounds > 0 && !options.duration.is_zero(), "--pairs and --seconds must be above 0");
        Ok(options)
    }
}

fn engine(name: &str) -> Option<&'static str> {
    ENGINES.into_iter().find(|engine| *engine == name)
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
        let options = parse("--engines pool,cores --seconds 0.5").unwrap();
        assert_eq!((options.engines, options.rounds), (vec!["pool", "cores"], 5));
        for line in ["--engines corse", "--pairs 0", "--fast yes", "--json"] {
            let named = line.split(' ').next().unwrap();
            assert!(parse(line).unwrap_err().to_string().contains(named), "{line}");
        }
    }
}
