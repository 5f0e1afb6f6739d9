//! The flags of `corelay compare claims`.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Arg, ArgMatches, Command};

use super::experiments::CLAIMS;

const SCALE_DEFAULT: &str = "1";

const AFTER_HELP: &str = "\
Each claim takes about 10 to 60 seconds at scale 1, all ten less than 10 minutes. Servers run on the
first half of the processors and the load on the rest; run it on a machine that does nothing else.

Examples:
  corelay compare claims --json claims.json
  corelay compare claims --only 4,9 --scale 0.2
  corelay compare claims --from claims.json --markdown docs/claims.md --html docs/claims.html";

/// What was asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    /// Numbers of claims; empty: all.
    only: Vec<u8>,
    /// How many times the usual time each experiment takes.
    pub(super) scale: f64,
    /// An earlier run's JSON, to be shown instead of a new run.
    pub(super) from: Option<PathBuf>,
    pub(super) json: Option<PathBuf>,
    pub(super) markdown: Option<PathBuf>,
    pub(super) html: Option<PathBuf>,
}

/// `corelay compare claims`.
pub(crate) fn command() -> Command {
    let file = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("FILE").value_parser(clap::value_parser!(PathBuf)).help(help)
    };
    Command::new("claims")
        .about("Try ten claims about servers and threads on this machine")
        .after_help(AFTER_HELP)
        .arg(Arg::new("only").long("only").value_name("NUMBERS").help("Some of the claims, such as 4,8"))
        .arg(
            Arg::new("scale")
                .long("scale")
                .value_name("FACTOR")
                .default_value(SCALE_DEFAULT)
                .help("How many times the usual time to measure, from 0.02 to 20"),
        )
        .arg(file("from", "Show what an earlier run wrote with --json, and run nothing"))
        .arg(file("json", "Write what was found as JSON"))
        .arg(file("markdown", "Write it as a page in Markdown"))
        .arg(file("html", "Write it as one page that opens without a network"))
}

impl Options {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// A value that is none; the message names its flag.
    pub(super) fn from(flags: &ArgMatches) -> Result<Self> {
        let text = |name: &str| flags.get_one::<String>(name).map(String::as_str);
        let file = |name: &str| flags.get_one::<PathBuf>(name).cloned();
        let only = text("only").map_or(Ok(Vec::new()), numbers)?;
        let scale = text("scale").unwrap_or(SCALE_DEFAULT);
        let scale: f64 = scale.parse().with_context(|| format!("--scale {scale}: not a number"))?;
        ensure!((0.02..=20.0).contains(&scale), "--scale {scale}: from 0.02 to 20");
        Ok(Self {
            only,
            scale,
            from: file("from"),
            json: file("json"),
            markdown: file("markdown"),
            html: file("html"),
        })
    }

    /// Whether this claim was asked for.
    pub(super) fn wants(&self, number: u8) -> bool {
        self.only.is_empty() || self.only.contains(&number)
    }
}

fn numbers(list: &str) -> Result<Vec<u8>> {
    let one = |word: &str| {
        let number = word.trim().parse().with_context(|| format!("--only {list}: {word:?} is no number"))?;
        let is_known = CLAIMS.iter().any(|claim| claim.number == number);
        ensure!(is_known, "--only {list}: there is no claim {number}");
        Ok(number)
    };
    list.split(',').map(one).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        let words = std::iter::once("claims").chain(line.split_whitespace());
        Options::from(&command().try_get_matches_from(words)?)
    }

    #[test]
    fn all_claims_are_wanted_unless_some_are_named() {
        let all = parse("").unwrap();
        assert_eq!((all.scale, all.wants(1), all.wants(10)), (1.0, true, true));
        let some = parse("--only 4,8 --scale 0.1 --json f").unwrap();
        assert_eq!((some.wants(4), some.wants(5), some.wants(8)), (true, false, true));
        assert_eq!(some.json, Some("f".into()));
    }

    #[test]
    fn wrong_values_are_named() {
        for line in ["--only 11", "--only x", "--scale fast", "--scale 0", "--scale NaN"] {
            let named = line.split(' ').next().unwrap();
            assert!(parse(line).unwrap_err().to_string().contains(named), "{line}");
        }
    }
}
