//! What was found, and what of it misses its bound.

use std::fmt;
use std::time::Duration;

use corelay_load::machine::Machine;
use corelay_load::statistics::Estimate;
use serde_json::{Value, json};

use super::options::Options;
use super::{RATIO_MAX, Sample};

/// One engine's runs, in pairs.
pub(super) struct Row {
    pub(super) engine: String,
    pub(super) without: Vec<Sample>,
    pub(super) with: Vec<Sample>,
}

pub(super) struct Table {
    pub(super) machine: Machine,
    pub(super) version: String,
    pub(super) options: Options,
    pub(super) rows: Vec<Row>,
}

impl Row {
    pub(super) fn new(engine: &str) -> Self {
        Self { engine: engine.to_owned(), without: Vec::new(), with: Vec::new() }
    }

    /// p99 with upgrades, in those without: of each pair.
    fn ratio(&self) -> Estimate {
        let p99 = |samples: &[Sample]| samples.iter().map(|sample| sample.p99_ms).collect::<Vec<_>>();
        Estimate::of_ratio(&p99(&self.with), &p99(&self.without))
    }

    fn upgrades(&self) -> Vec<Duration> {
        self.with.iter().flat_map(|sample| sample.upgrades.iter().copied()).collect()
    }

    fn errors(&self) -> u64 {
        self.with.iter().map(|sample| sample.errors).sum()
    }

    fn failures(&self) -> String {
        let told = self.with.iter().filter(|sample| !sample.failures.is_empty());
        told.map(|sample| format!(" ({})", sample.failures)).collect()
    }

    fn closed(&self) -> u64 {
        self.with.iter().map(|sample| sample.closed_by_server).sum()
    }

    fn opened_again(&self) -> u64 {
        self.with.iter().map(|sample| sample.opened_again).sum()
    }

    fn misses(&self, upgrades: usize) -> Vec<String> {
        let ratio = self.ratio().median;
        let fewest = self.with.iter().map(|sample| sample.upgrades.len()).min().unwrap_or(0);
        let checks = [
            (fewest < upgrades, format!("a run had {fewest} upgrades, of {upgrades}")),
            (self.errors() > 0, format!("{} requests failed{}", self.errors(), self.failures())),
            (self.closed() > 0, format!("the server closed {} connections", self.closed())),
            (self.opened_again() > 0, format!("{} connections were opened again", self.opened_again())),
            (ratio > RATIO_MAX, format!("p99 is {ratio:.1} times that without upgrades, of {RATIO_MAX}")),
        ];
        checks.into_iter().filter(|(missed, _)| *missed).map(|(_, what)| what).collect()
    }
}

impl Table {
    /// How many bounds are missed.
    pub(super) fn missed(&self) -> usize {
        self.rows.iter().map(|row| row.misses(self.options.upgrades).len()).sum()
    }

    pub(super) fn json(&self) -> Value {
        let sample = |sample: &Sample| {
            json!({
                "p50_ms": sample.p50_ms, "p99_ms": sample.p99_ms, "max_ms": sample.max_ms,
                "requests": sample.requests, "errors": sample.errors, "failures": sample.failures,
                "closed_by_server": sample.closed_by_server, "opened_again": sample.opened_again,
                "upgrades_ms": sample.upgrades.iter().map(|took| took.as_secs_f64() * 1e3).collect::<Vec<_>>(),
            })
        };
        let rows = self.rows.iter().map(|row| {
            json!({
                "engine": row.engine, "p99_ratio": row.ratio(), "misses": row.misses(self.options.upgrades),
                "without": row.without.iter().map(sample).collect::<Vec<_>>(),
                "with": row.with.iter().map(sample).collect::<Vec<_>>(),
            })
        });
        json!({
            "machine": self.machine.json(), "corelay": self.version, "connections": self.options.connections,
            "rows": rows.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "corelay {} · {}", self.version, self.machine)?;
        writeln!(
            out,
            "{} keep-alive connections, pipelined requests and streaming bodies; {} pairs of runs of {:?}\n",
            self.options.connections, self.options.rounds, self.options.duration
        )?;
        writeln!(
            out,
            "| engine | upgrades | took, median | longest | requests | failed | closed by the server | opened again | p50 without | with | p99 without | with | ratio |"
        )?;
        writeln!(out, "|---|---|---|---|---|---|---|---|---|---|---|---|---|")?;
        for row in &self.rows {
            let took = row.upgrades();
            let seconds = || took.iter().map(Duration::as_secs_f64);
            let ms = |samples: &[Sample], of: fn(&Sample) -> f64| median(samples.iter().map(of));
            writeln!(
                out,
                "| `{}` | {} | {:.0} ms | {:.0} ms | {} | {} | {} | {} | {:.2} ms | {:.2} ms | {:.2} ms | {:.2} ms | {} |",
                row.engine,
                took.len(),
                median(seconds()) * 1e3,
                seconds().fold(0.0, f64::max) * 1e3,
                row.with.iter().map(|sample| sample.requests).sum::<u64>(),
                row.errors(),
                row.closed(),
                row.opened_again(),
                ms(&row.without, |sample| sample.p50_ms),
                ms(&row.with, |sample| sample.p50_ms),
                ms(&row.without, |sample| sample.p99_ms),
                ms(&row.with, |sample| sample.p99_ms),
                row.ratio(),
            )?;
        }
        for row in &self.rows {
            for miss in row.misses(self.options.upgrades) {
                writeln!(out, "\nmissed: `{}`: {miss}", row.engine)?;
            }
        }
        Ok(())
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_misses_what_it_misses_and_nothing_else() {
        let sample = |p99_ms, errors| Sample { p99_ms, errors, ..Sample::default() };
        let row = |with: Sample| Row { engine: "x".into(), without: vec![sample(1.0, 0)], with: vec![with] };
        assert!(row(sample(3.0, 0)).misses(0).is_empty());
        assert_eq!(row(sample(3.1, 0)).misses(0).len(), 1);
        assert_eq!(row(sample(1.0, 2)).misses(0), ["2 requests failed"]);
        let closed = Sample { closed_by_server: 1, ..sample(1.0, 0) };
        assert_eq!(row(closed).misses(0).len(), 1);
        assert_eq!(row(sample(1.0, 0)).misses(1).len(), 1);
    }
}
