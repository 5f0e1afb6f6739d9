//! The options of `cargo xtask soak`.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};

use crate::bench::options::pairs;

const HELP: &str = "\
cargo xtask soak [options]

  --minutes N   how long (60)
  --seed S      what is drawn: the same seed, the same mischief in the same order (the time)
  --engine E    cores, threads or pool (cores)
";

/// The parsed command line.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    pub(super) minutes: f64,
    pub(super) seed: u64,
    pub(super) engine: String,
}

impl Options {
    /// Parses the words after `soak`.
    pub(super) fn parse(words: &[String]) -> Result<Self> {
        let seed = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let mut options = Self { minutes: 60.0, seed, engine: "cores".into() };
        pairs(words, HELP, |option, value| {
            match option {
                "--minutes" => options.minutes = value.parse()?,
                "--seed" => options.seed = value.parse()?,
                "--engine" => options.engine = value.to_owned(),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        ensure!(options.minutes > 0.0 && options.minutes.is_finite(), "--minutes must be above 0\n\n{HELP}");
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn options_are_read_and_wrong_ones_are_named() {
        let parse =
            |line: &str| Options::parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>());
        let options = parse("--minutes 0.5 --seed 7 --engine pool").unwrap();
        assert_eq!(options, Options { minutes: 0.5, seed: 7, engine: "pool".into() });
        for line in ["--minutes 0", "--minutes -1", "--seed x", "--fast yes"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
