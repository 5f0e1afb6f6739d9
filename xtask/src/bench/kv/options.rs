//! What to measure: the command's options, and the comparisons that they ask for.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::Comparison;
use super::contender::Contender;
use super::load::Load;
use crate::bench::options::{HELP, pairs};

/// Keys of the comparison on two cores: enough that no shard has most of them.
const KEYS: u32 = 100_000;

/// The parsed command line.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) pairs: usize,
    /// Length of one run.
    pub(super) seconds: f64,
    /// Keys of the comparison on one core; one is what redis-benchmark has if it is told nothing.
    keys: u32,
    comparisons: Vec<String>,
    pub(super) json: Option<PathBuf>,
}

const COMPARISONS: [&str; 2] = ["redis", "shards"];

impl Options {
    pub(super) fn parse(words: &[String]) -> Result<Self> {
        let comparisons = COMPARISONS.map(String::from).to_vec();
        let mut options = Self { pairs: 15, seconds: 1.0, keys: 1, comparisons, json: None };
        pairs(words, HELP, |option, value| {
            match option {
                "--pairs" => options.pairs = value.parse()?,
                "--seconds" => options.seconds = value.parse()?,
                "--keys" => options.keys = value.parse()?,
                "--only" => {
                    options.comparisons = value.split(',').map(str::to_owned).collect();
                    let known = |name: &String| COMPARISONS.contains(&name.as_str());
                    ensure!(options.comparisons.iter().all(known), "of {}", COMPARISONS.join(", "));
                }
                "--json" => options.json = Some(value.into()),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        ensure!(
            options.pairs > 0 && options.seconds > 0.0 && options.keys > 0,
            "every number must be more than 0"
        );
        Ok(options)
    }

    pub(super) fn comparisons(&self) -> Vec<Comparison> {
        let loads = |keys| {
            let all = [("SET", 1), ("GET", 1), ("SET", 16), ("GET", 16)];
            all.map(|(test, pipeline)| Load { test, pipeline, keys, cpu: None }).to_vec()
        };
        let wants = |name: &str| self.comparisons.iter().any(|wanted| wanted == name);
        let mut comparisons = Vec::new();
        if wants("redis") {
            let one_core = loads(self.keys).into_iter().map(|load| Load { cpu: Some(1), ..load }).collect();
            let contenders = vec![Contender::kv("kv", "0", "locked"), Contender::Redis];
            comparisons.push(Comparison::new("one core", contenders, one_core, true));
        }
        if wants("shards") {
            let contenders =
                vec![Contender::kv("locked", "0,1", "locked"), Contender::kv("relayed", "0,1", "relayed")];
            comparisons.push(Comparison::new("two cores", contenders, loads(KEYS), false));
        }
        comparisons
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
    fn options_have_defaults_and_a_wrong_word_is_refused() {
        let options = parse("").unwrap();
        assert_eq!((options.pairs, options.keys, options.comparisons().len()), (15, 1, 2));
        let options = parse("--only redis --pairs 3 --seconds 0.5 --keys 9").unwrap();
        assert_eq!((options.pairs, options.keys, options.comparisons().len()), (3, 9, 1));
        for line in ["--pairs 0", "--only threads", "--seconds x", "--pairs"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
