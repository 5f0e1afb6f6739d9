//! The generators: how each is told what to do, and what it says of it.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Load;
use crate::bench::driver::DRIVER_CPU;
use crate::bench::h2load;
use crate::bench::servers::words;
use crate::bench::tools::Tools;
use crate::bench::wrk;

/// One of the programs that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generator {
    Corelay,
    Wrk,
    Oha,
    H2load,
}

/// What a generator says of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Said {
    pub(super) requests: u64,
    pub(super) per_second: f64,
    pub(super) errors: u64,
    /// p50, p90 and p99, in ms.
    pub(super) percentiles: Option<[f64; 3]>,
    /// p99 of how late it sent, in ms, where it says so.
    pub(super) schedule_error: Option<f64>,
}

pub(super) const PERCENTILES: [(&str, f64); 3] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];

impl Generator {
    pub(super) const ALL: [Self; 4] = [Self::Corelay, Self::Wrk, Self::Oha, Self::H2load];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Corelay => "corelay",
            Self::Wrk => "wrk",
            Self::Oha => "oha",
            Self::H2load => "h2load",
        }
    }

    /// Whether it can be told to make this load: wrk has no rate, and only corelay says how late it sends.
    pub(super) fn can(self, load: &Load) -> bool {
        match (self, load.rate) {
            (Self::Corelay, _) => true,
            (Self::Wrk, rate) => rate.is_none(),
            (Self::Oha | Self::H2load, _) => !load.is_for_schedule,
        }
    }

    /// What makes it so; `file` is where it may write figures to.
    pub(super) fn command(self, load: &Load, url: &str, file: &str, tools: &Tools) -> Result<Vec<String>> {
        let (connections, seconds) = (load.connections.to_string(), load.seconds);
        let program = tools.program(self.name())?;
        let mut line = words(&["taskset", "-c", DRIVER_CPU, &program]);
        let own = match self {
            Self::Corelay => format!(
                "load {url} --connections {connections} --warm-up {} --duration {seconds}s --json {file}{}",
                // The others have none; but that ten thousand connections are accepted is no matter of the schedule.
                if load.is_for_schedule { "1s" } else { "0" },
                load.rate.map_or_else(String::new, |rate| format!(" --rate {rate}"))
            ),
            Self::Wrk => format!("-t1 -c{connections} -d{seconds}s --latency {url}"),
            Self::Oha => format!(
                "-z {seconds}s -c {connections} --no-tui --output-format json{} {url}",
                load.rate.map_or_else(String::new, |rate| format!(" -q {rate} --latency-correction"))
            ),
            Self::H2load => format!(
                "--h1 -t1 -c{connections} -m1 -D{seconds}{}{} {url}",
                load.rate.map_or_else(String::new, |rate| {
                    format!(" --rps={}", f64::from(rate) / f64::from(load.connections))
                }),
                // A line for each request, which costs it.
                if load.is_for_percentiles { format!(" --log-file={file}") } else { String::new() }
            ),
        };
        line.extend(own.split(' ').map(String::from));
        Ok(line)
    }

    /// What it said of a run.
    pub(super) fn read(self, load: &Load, output: &str, file: &str) -> Result<Said> {
        let text = || fs::read_to_string(file).with_context(|| format!("{} wrote no {file}", self.name()));
        let said = match self {
            Self::Corelay => corelay(&serde_json::from_str(&text()?)?),
            Self::Wrk => wrk::parse(output).map(|run| Said {
                requests: run.requests,
                per_second: run.requests_per_second,
                errors: run.errors,
                percentiles: wrk_percentiles(output),
                schedule_error: None,
            }),
            Self::Oha => oha(&serde_json::from_str(output)?),
            Self::H2load => h2load(output, load.is_for_percentiles.then(text).transpose()?.as_deref()),
        };
        let said = said.with_context(|| format!("{} said: {output}", self.name()))?;
        ensure!(said.requests > 0, "{}: no request was answered: {output}", self.name());
        Ok(said)
    }
}

fn number(value: &Value, name: &str) -> Result<f64> {
    value[name].as_f64().with_context(|| format!("no {name}"))
}

fn corelay(document: &Value) -> Result<Said> {
    let total = &document["report"]["groups"][0]["total"];
    let latency = &total["latency"];
    let errors: u64 =
        total["errors"].as_object().context("no errors")?.values().filter_map(Value::as_u64).sum();
    let late = document["report"]["driver"]["schedule_error"]["p99"].as_f64();
    Ok(Said {
        requests: total["answered"].as_u64().context("no answered")?,
        per_second: number(total, "per_second")?,
        errors,
        percentiles: Some([
            number(latency, "p50")? * 1e3,
            number(latency, "p90")? * 1e3,
            number(latency, "p99")? * 1e3,
        ]),
        schedule_error: late.map(|seconds| seconds * 1e3),
    })
}

/// From the lines that begin with `50%`, `90%` and `99%`.
fn wrk_percentiles(output: &str) -> Option<[f64; 3]> {
    let of = |name: &str| {
        let text = output.lines().find_map(|line| line.trim().strip_prefix(name))?.trim();
        let units = [("us", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 60e3)];
        units.iter().find_map(|(unit, ms)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * ms))
    };
    Some([of("50%")?, of("90%")?, of("99%")?])
}

/// What was out when its time was over oha counts as an error; the other generators wait for it or forget it.
fn oha(document: &Value) -> Result<Said> {
    let counts = |name: &str| -> Vec<(String, u64)> {
        let entries = document[name].as_object().into_iter().flatten();
        entries.filter_map(|(key, count)| Some((key.clone(), count.as_u64()?))).collect()
    };
    let (statuses, errors) = (counts("statusCodeDistribution"), counts("errorDistribution"));
    let sum = |all: &[(String, u64)], wanted: fn(&str) -> bool| {
        all.iter().filter(|(key, _)| wanted(key)).map(|(_, count)| count).sum::<u64>()
    };
    let latency = &document["latencyPercentiles"];
    Ok(Said {
        requests: sum(&statuses, |status| status.starts_with('2')),
        per_second: number(&document["summary"], "requestsPerSec")?,
        errors: sum(&statuses, |status| !status.starts_with('2'))
            + sum(&errors, |why| !why.contains("deadline")),
        percentiles: Some([
            number(latency, "p50")? * 1e3,
            number(latency, "p90")? * 1e3,
            number(latency, "p99")? * 1e3,
        ]),
        schedule_error: None,
    })
}

/// It prints no percentiles: they are taken from its log, a line for each request, whose third word is its time in µs.
fn h2load(output: &str, log: Option<&str>) -> Result<Said> {
    let h2load::Run { requests, requests_per_second: per_second, errors, .. } = h2load::parse(output)?;
    let mut said = Said { requests, per_second, errors, ..Said::default() };
    if let Some(log) = log {
        let mut times: Vec<u64> =
            log.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse().ok()).collect();
        times.sort_unstable();
        ensure!(!times.is_empty(), "an empty log");
        let at = |quantile: f64| times[((times.len() - 1) as f64 * quantile).round() as usize] as f64 / 1e3;
        said.percentiles = Some(PERCENTILES.map(|(_, quantile)| at(quantile)));
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use serde_json::json;

    use super::*;

    #[test]
    fn h2load_is_read_from_its_summary_and_its_log() {
        let output = "starting benchmark...\n\nfinished in 2.00s, 1999.50 req/s, 280.00KB/s\n\
            requests: 3999 total, 4063 started, 3999 done, 3998 succeeded, 1 failed, 1 errored, 0 timeout\n";
        let log = (1..=101).map(|n| format!("17\t200\t{}\n", n * 1000)).collect::<String>();
        let said = h2load(output, Some(&log)).unwrap();
        assert_eq!((said.requests, said.errors, said.per_second), (3998, 1, 1999.5));
        assert_eq!(said.percentiles, Some([51.0, 91.0, 100.0]));
    }

    #[test]
    fn wrks_percentiles_have_units() {
        let output = "  Latency Distribution\n     50%  637.00us\n     75%    2.00ms\n     90%    4.21ms\n     99%    1.50s \n";
        assert_eq!(wrk_percentiles(output), Some([0.637, 4.21, 1500.0]));
        assert_eq!(wrk_percentiles("Requests/sec: 1.00\n"), None);
    }

    #[test]
    fn oha_is_read_without_what_it_broke_off_itself() {
        let document = json!({
            "summary": { "requestsPerSec": 10.5 },
            "latencyPercentiles": { "p50": 0.001, "p90": 0.002, "p99": 0.003 },
            "statusCodeDistribution": { "200": 20, "503": 2 },
            "errorDistribution": { "aborted due to deadline": 7, "connection refused": 1 },
        });
        let said = oha(&document).unwrap();
        assert_eq!((said.requests, said.errors, said.per_second), (20, 3, 10.5));
        assert_eq!(said.percentiles, Some([1.0, 2.0, 3.0]));
    }
}
