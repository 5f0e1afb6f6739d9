//! The options of `cargo xtask bench engines sweep`.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::limit::Limit;
use crate::bench::options::{HELP, list, pairs};

/// The parsed command line.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    pub(super) limits: Vec<Limit>,
    /// Connections that are added at a time.
    pub(super) step: usize,
    pub(super) json: Option<PathBuf>,
}

impl Options {
    /// Parses the words after `bench engines sweep`.
    pub(super) fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self { limits: Limit::ALL.to_vec(), step: 1_000, json: None };
        pairs(words, HELP, |option, value| {
            match option {
                "--limits" => options.limits = list(value, Limit::named)?,
                "--step" => options.step = value.parse()?,
                "--json" => options.json = Some(value.into()),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        // Fewer, and the idle threads that a server keeps for connections to come would be more than a step.
        ensure!(options.step >= 500, "--step must be at least 500");
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
        assert_eq!(parse("").unwrap().limits, Limit::ALL);
        assert_eq!(parse("--limits processes").unwrap().limits, [Limit::Processes]);
        for line in ["--limits sky", "--step 1", "--fast yes", "--json"] {
            let named = line.split(' ').next().unwrap();
            assert!(parse(line).unwrap_err().to_string().contains(named), "{line}");
        }
    }
}
