//! The options of `cargo xtask bench upgrades`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::bench::options::{HELP, list, pairs, seconds};

/// The parsed command line.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    pub(super) engines: Vec<&'static str>,
    /// Keep-alive connections.
    pub(super) connections: u32,
    /// In one run, at least.
    pub(super) upgrades: usize,
    /// Between the end of one and the begin of the next.
    pub(super) pause: Duration,
    pub(super) rounds: usize,
    /// Where the new process of each upgrade is killed.
    pub(super) killed: Option<Point>,
    /// What is measured of one run.
    pub(super) duration: Duration,
    pub(super) json: Option<PathBuf>,
}

/// Where in an upgrade the new process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    /// It has read its settings and bound what is new, and is about to say so.
    BeforeReady,
    /// It lets in who comes, and no connection is its own.
    Listening,
    /// Half of the connections are its own.
    HalfWay,
}

impl Point {
    const ALL: [Self; 3] = [Self::BeforeReady, Self::Listening, Self::HalfWay];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BeforeReady => "before-ready",
            Self::Listening => "listening",
            Self::HalfWay => "half-way",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|point| point.name() == name)
    }
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
            killed: None,
            duration: Duration::from_secs(150),
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
                "--killed" => options.killed = Some(Point::named(value).context("no such point")?),
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
        assert_eq!(parse("--killed half-way").unwrap().killed, Some(Point::HalfWay));
        for line in [
            "--pairs 0",
            "--engines fast",
            "--connections 0",
            "--seconds -1",
            "--killed soon",
            "--fast yes",
            "--json",
        ] {
            let named = line.split(' ').next().unwrap();
            assert!(parse(line).unwrap_err().to_string().contains(named), "{line}");
        }
    }
}
