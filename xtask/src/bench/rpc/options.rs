//! The options of `cargo xtask bench rpc`.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::bench::options::{HELP, pairs};

/// The parsed command line.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    /// Rounds: every contender once.
    pub(super) pairs: usize,
    /// The length of one run.
    pub(super) seconds: u32,
    pub(super) json: Option<PathBuf>,
}

impl Options {
    /// Parses the words after `bench rpc`.
    pub(super) fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self { pairs: 15, seconds: 1, json: None };
        pairs(words, HELP, |option, value| {
            match option {
                "--pairs" => options.pairs = value.parse()?,
                "--seconds" => options.seconds = value.parse()?,
                "--json" => options.json = Some(value.into()),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        ensure!(options.pairs > 0 && options.seconds > 0, "--pairs and --seconds must be above 0");
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
        let options = parse("--pairs 3").unwrap();
        assert_eq!((options.pairs, options.seconds), (3, 1));
        for line in ["--pairs 0", "--seconds -1", "--fast yes", "--json"] {
            let named = line.split(' ').next().unwrap();
            assert!(parse(line).unwrap_err().to_string().contains(named), "{line}");
        }
    }
}
