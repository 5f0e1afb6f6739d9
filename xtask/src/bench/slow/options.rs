//! The options of `cargo xtask slow`.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::attack::{ATTACKS, Attack};
use crate::bench::options::{list, pairs, seconds};

const HELP: &str = "\
cargo xtask slow [options]

  --engines LIST    of cores, threads, pool (all)
  --attacks LIST    of heads, bodies, reads (all)
  --rounds N        of each engine and attack (5)
  --connections N   slow connections (10000)
  --rate N          requests a second of the well-behaved client (2000)
  --seconds S       of each measurement, three of which are in a round, four of reads (3)

With the defaults 45 rounds of about a quarter of a minute; those of reads last until the server has ended its slow connections.
";

const ENGINES: [&str; 3] = ["cores", "threads", "pool"];

/// The parsed command line.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    pub(super) engines: Vec<&'static str>,
    pub(super) attacks: Vec<&'static Attack>,
    pub(super) rounds: usize,
    pub(super) connections: u64,
    pub(super) rate: f64,
    pub(super) duration: Duration,
}

impl Options {
    /// Parses the words after `slow`.
    pub(super) fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self {
            engines: ENGINES.to_vec(),
            attacks: ATTACKS.iter().collect(),
            rounds: 5,
            connections: 10_000,
            rate: 2000.0,
            duration: Duration::from_secs(3),
        };
        pairs(words, HELP, |option, value| {
            match option {
                "--engines" => options.engines = list(value, engine)?,
                "--attacks" => options.attacks = list(value, Attack::named)?,
                "--rounds" => options.rounds = value.parse()?,
                "--connections" => options.connections = value.parse()?,
                "--rate" => options.rate = value.parse()?,
                "--seconds" => options.duration = seconds(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let counts = options.rounds > 0 && options.connections > 0 && options.rate > 0.0;
        ensure!(counts && !options.duration.is_zero(), "all numbers must be above 0\n\n{HELP}");
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
        let all = parse("").unwrap();
        assert_eq!((all.engines.len(), all.attacks.len(), all.rounds, all.connections), (3, 3, 5, 10_000));
        let some = parse("--rounds 1 --engines pool,cores --attacks reads").unwrap();
        assert_eq!((some.engines, some.attacks[0].name), (vec!["pool", "cores"], "reads"));
        for line in ["--rounds 0", "--rate 0", "--seconds -1", "--fast yes", "--engines", "--attacks writes"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
