//! One run of redis-benchmark: its command line and what it reports.

use anyhow::{Context, Result, ensure};

use crate::bench::servers::words;
use crate::bench::tools::{Tools, shown};

/// Requests of the first run, of which only the rate is looked at.
pub(super) const REQUESTS_LEAST: u64 = 10_000;
/// As redis-benchmark has it if it is told nothing.
const CONNECTIONS: &str = "50";

/// A load of redis-benchmark's.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) test: &'static str,
    /// Requests that are sent at once.
    pub(super) pipeline: u32,
    /// One: always the same.
    pub(super) keys: u32,
    /// The CPU it has to itself.
    pub(super) cpu: Option<u32>,
}

/// What one run said.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    pub(super) requests_per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// So many requests take about so long.
pub(super) fn requests(per_second: f64, seconds: f64) -> u64 {
    ((per_second * seconds) as u64).max(REQUESTS_LEAST)
}

impl Load {
    /// As a table names it.
    pub(super) fn name(&self) -> String {
        let pipelined = if self.pipeline == 1 { "" } else { " -P 16" };
        format!("{}{pipelined}", self.test)
    }

    /// What writes the keys that this load reads: of keys at random, nearly all.
    pub(super) fn filling(&self) -> Option<(Self, u64)> {
        let filling = Self { test: "SET", pipeline: 16, ..self.clone() };
        (self.test == "GET").then(|| (filling, (5 * u64::from(self.keys)).max(REQUESTS_LEAST)))
    }

    pub(super) fn command(&self, port: &str, requests: &str, program: &str) -> Vec<String> {
        let mut command = self.cpu.map_or_else(Vec::new, |cpu| words(&["taskset", "-c", &cpu.to_string()]));
        command.extend(words(&[program, "-h", "127.0.0.1", "-p", port, "--csv", "-t", self.test]));
        command.extend(words(&["-c", CONNECTIONS, "-P", &self.pipeline.to_string(), "-n", requests]));
        if self.keys > 1 {
            command.extend(words(&["-r", &self.keys.to_string()]));
        }
        command
    }

    pub(super) fn run(&self, port: u16, requests: u64, tools: &Tools) -> Result<Said> {
        let program = tools.program("redis-benchmark")?;
        let command = self.command(&port.to_string(), &requests.to_string(), &program);
        let output = tools.command(&command).output().with_context(|| shown(&command))?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{}: {} {text}", shown(&command), output.status);
        parse(&text).with_context(|| format!("{} said {text}", shown(&command)))
    }
}

/// `"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"`, and below
/// the heads the values.
fn parse(text: &str) -> Result<Said> {
    let mut rows = text
        .lines()
        .filter(|line| line.starts_with('"'))
        .map(|line| line.split(',').map(|cell| cell.trim_matches('"').to_owned()).collect::<Vec<_>>());
    let (heads, values) = (rows.next().context("no heads")?, rows.next().context("no values")?);
    let value = |name: &str| -> Result<f64> {
        let place = heads.iter().position(|head| head == name).with_context(|| format!("no {name}"))?;
        Ok(values.get(place).with_context(|| format!("no value of {name}"))?.parse()?)
    };
    Ok(Said {
        requests_per_second: value("rps")?,
        p50_ms: value("p50_latency_ms")?,
        p99_ms: value("p99_latency_ms")?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
    use super::*;

    #[test]
    fn a_report_gives_rate_and_latencies() {
        let report = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\"p95_latency_ms\",\
            \"p99_latency_ms\",\"max_latency_ms\"\n\"SET\",\"97560.98\",\"0.272\",\"0.080\",\"0.263\",\"0.391\",\"0.503\",\"1.2\"\n";
        let expected = Said { requests_per_second: 97560.98, p50_ms: 0.263, p99_ms: 0.503 };
        assert_eq!(parse(report).unwrap(), expected);
        assert!(parse("").is_err() && parse("\"test\"\n\"SET\"\n").is_err());
    }

    #[test]
    fn a_command_says_what_is_asked_of_the_server() {
        let load = Load { test: "GET", pipeline: 16, keys: 9, cpu: Some(1) };
        let command = shown(&load.command("PORT", "N", "redis-benchmark"));
        assert_eq!(
            command,
            "taskset -c 1 redis-benchmark -h 127.0.0.1 -p PORT --csv -t GET -c 50 -P 16 -n N -r 9"
        );
    }

    #[test]
    fn what_is_read_is_written_before() {
        let load = |test| Load { test, pipeline: 1, keys: 100_000, cpu: None };
        let (filling, requests) = load("GET").filling().unwrap();
        assert_eq!((filling.test, filling.keys, requests), ("SET", 100_000, 500_000));
        assert!(load("SET").filling().is_none());
    }
}
