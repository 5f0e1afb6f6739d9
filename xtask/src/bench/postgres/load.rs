//! One run of wrk with latencies: its command line and what it reports.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::database::LOAD_CPU;
use crate::shell;
use crate::workspace::root;

/// What is asked; `crates/corelay-bench/wrk/notes.lua` asks it.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// One note of a thousand.
    Read,
    /// Of ten requests eight read a note, one lists twenty, one makes one.
    Mixed,
}

/// What one run did.
#[derive(Debug, PartialEq)]
pub(super) struct Run {
    pub(super) requests: u64,
    pub(super) requests_per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// Socket errors, timeouts and answers other than 2xx or 3xx.
    pub(super) errors: u64,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Read, Self::Mixed];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Mixed => "mixed",
        }
    }
}

/// The command of one run; `run` is a number of its own.
pub(super) fn command(kind: Kind, url: &str, run: u32, connections: u32, seconds: u32) -> Vec<String> {
    let script = "crates/corelay-bench/wrk/notes.lua";
    let line = format!(
        "taskset -c {LOAD_CPU} wrk -t1 -c{connections} -d{seconds}s --latency -s {script} {url} -- {} {run}",
        kind.name()
    );
    line.split(' ').map(str::to_owned).collect()
}

/// Runs a command made by [`command`].
pub(super) fn run(words: &[String]) -> Result<Run> {
    let text = shell::output(Command::new(&words[0]).args(&words[1..]).current_dir(root()))?;
    parse(&text).with_context(|| format!("wrk said: {text}"))
}

fn parse(text: &str) -> Result<Run> {
    let mut run = Run { requests: 0, requests_per_second: 0.0, p50_ms: 0.0, p99_ms: 0.0, errors: 0 };
    for line in text.lines().map(str::trim) {
        if let Some((requests, _)) = line.split_once(" requests in ") {
            run.requests = requests.parse()?;
        } else if let Some(rate) = line.strip_prefix("Requests/sec:") {
            run.requests_per_second = rate.trim().parse()?;
        } else if let Some(time) = line.strip_prefix("50% ") {
            run.p50_ms = milliseconds(time.trim())?;
        } else if let Some(time) = line.strip_prefix("99% ") {
            run.p99_ms = milliseconds(time.trim())?;
        } else if line.starts_with("Socket errors:") || line.starts_with("Non-2xx") {
            run.errors += line.split([' ', ',']).filter_map(|word| word.parse::<u64>().ok()).sum::<u64>();
        }
    }
    ensure!(run.requests > 0 && run.p99_ms > 0.0, "no request was answered");
    Ok(run)
}

/// A time as wrk writes it: `627.00us`, `1.20ms`, `2.01s`, `1.10m`.
fn milliseconds(text: &str) -> Result<f64> {
    let unit_at = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let factor = match unit {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1000.0,
        "m" => 60_000.0,
        _ => bail!("{text} is no time"),
    };
    Ok(number.parse::<f64>()? * factor)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn a_report_gives_rate_latencies_and_errors() {
        let report = "  Thread Stats   Avg      Stdev     Max   +/- Stdev\n\
            \x20   Latency   637.32us   96.32us   2.21ms   81.29%\n\
            \x20 Latency Distribution\n     50%  500.00us\n     75%    0.90ms\n     90%    1.00ms\n     99%    2.25ms\n\
            \x20 40000 requests in 5.00s, 26.07MB read\n  Non-2xx or 3xx responses: 5\nRequests/sec:   8000.52\n";
        let run = parse(report).unwrap();
        let expected =
            Run { requests: 40_000, requests_per_second: 8000.52, p50_ms: 0.5, p99_ms: 2.25, errors: 5 };
        assert_eq!(run, expected);
        assert!(parse("").is_err());
    }

    #[test]
    fn every_unit_is_known() {
        let read = ["500.00us", "1.50ms", "2.00s", "1.00m"].map(|text| milliseconds(text).unwrap());
        assert_eq!(read, [0.5, 1.5, 2000.0, 60_000.0]);
        assert!(milliseconds("3.00h").is_err());
    }
}
