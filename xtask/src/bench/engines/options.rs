//! The options of `cargo xtask bench engines`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::acceptance;
use super::case::{Case, Engine, Pace};
use crate::bench::options::{HELP, list, pairs, seconds};

/// The parsed command line.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    engines: Vec<Engine>,
    /// As given; what is measured without them is more than their default, so that every bound is checked.
    connections: Option<Vec<u32>>,
    paces: Vec<Pace>,
    /// Rounds.
    pub(super) pairs: usize,
    /// What is measured of one run.
    pub(super) duration: Duration,
    pub(super) json: Option<PathBuf>,
}

impl Options {
    const CONNECTIONS: [u32; 3] = [64, 1_000, 10_000];

    /// Parses the words after `bench engines`.
    pub(super) fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self {
            engines: Engine::ALL.to_vec(),
            connections: None,
            paces: vec![Pace::KeepAlive, Pace::Paced],
            pairs: 3,
            duration: Duration::from_secs(5),
            json: None,
        };
        pairs(words, HELP, |option, value| {
            match option {
                "--engines" => options.engines = list(value, Engine::named)?,
                "--connections" => {
                    let count = |text: &str| text.parse().ok().filter(|&count| count > 0);
                    options.connections = Some(list(value, count)?);
                }
                "--pace" => options.paces = list(value, Pace::named)?,
                "--pairs" => options.pairs = value.parse()?,
                "--seconds" => options.duration = seconds(value)?,
                "--json" => options.json = Some(value.into()),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        ensure!(options.pairs > 0 && !options.duration.is_zero(), "--pairs and --seconds must be above 0");
        Ok(options)
    }

    /// What is measured, in the order of a round: the engines are neighbours under one load.
    pub(super) fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for &connections in self.connections.as_deref().unwrap_or(&Self::CONNECTIONS) {
            for &pace in &self.paces {
                cases.extend(self.engines.iter().map(|&engine| Case { engine, connections, pace }));
            }
        }
        let few = acceptance::FEW_ON_THREADS;
        if self.connections.is_none() && self.engines.contains(&few.engine) && self.paces.contains(&few.pace)
        {
            cases.push(few);
        }
        cases
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
        let options = parse("--seconds 0.5 --json out.json").unwrap();
        assert_eq!((options.pairs, options.duration.as_millis()), (3, 500));
        for line in [
            "--pairs 0",
            "--engines fast",
            "--connections 0",
            "--pace slow",
            "--seconds -1",
            "--fast yes",
            "--json",
        ] {
            let named = line.split(' ').next().unwrap();
            assert!(parse(line).unwrap_err().to_string().contains(named), "{line}");
        }
    }

    #[test]
    fn what_is_given_is_measured_and_nothing_else() {
        let cases = parse("--engines threads --connections 2000 --pace paced").unwrap().cases();
        assert_eq!(cases, [acceptance::FEW_ON_THREADS]);
        let all = parse("").unwrap().cases();
        assert_eq!(all.len(), 4 * 3 * 2 + 1);
        assert_eq!(all.last(), Some(&acceptance::FEW_ON_THREADS));
    }
}
