//! The options of `cargo xtask bench load`.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::bench::options::{HELP, pairs};

/// The parsed command line.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    /// Rounds: every generator once with every load.
    pub(super) pairs: usize,
    /// The length of one run.
    pub(super) seconds: u32,
    /// Requests a second of the open loop.
    pub(super) rate: u32,
    pub(super) json: Option<PathBuf>,
}

impl Options {
    /// Parses the words after `bench load`.
    pub(super) fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self { pairs: 9, seconds: 2, rate: 1_000, json: None };
        pairs(words, HELP, |option, value| {
            match option {
                "--pairs" => options.pairs = value.parse()?,
                "--seconds" => options.seconds = value.parse()?,
                "--rate" => options.rate = value.parse()?,
                "--json" => options.json = Some(value.into()),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let all = [options.pairs, options.seconds as usize, options.rate as usize];
        ensure!(!all.contains(&0), "--pairs, --seconds and --rate must be above 0");
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
        let options = parse("--pairs 3 --rate 500").unwrap();
        assert_eq!((options.pairs, options.seconds, options.rate), (3, 2, 500));
        for line in ["--pairs 0", "--seconds -1", "--rate x", "--fast yes", "--json"] {
            let named = line.split(' ').next().unwrap();
            assert!(parse(line).unwrap_err().to_string().contains(named), "{line}");
        }
    }
}
