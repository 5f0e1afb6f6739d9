//! All that was found, while it is found: cases, in each of them the servers, of each a sample a round.

use std::time::Duration;

use anyhow::Result;
use corelay_load::DriverLimit;
use corelay_load::machine::Machine;
use serde_json::{Value, json};

use super::contender::Contender;
use super::options::Options;
use super::processors::Processors;
use super::run::{Failure, Run, placement};
use super::sample::Sample;
use super::scenario::{CALL, Case};

/// The whole of it.
pub(super) struct Comparison {
    pub(super) machine: Machine,
    pub(super) processors: Processors,
    pub(super) rounds: usize,
    pub(super) duration: Duration,
    pub(super) connections: Option<u32>,
    /// Whether plain requests are calls.
    pub(super) rpc: bool,
    /// The command line that asked for it.
    pub(super) asked: String,
    /// How each server is started.
    pub(super) commands: Vec<String>,
    pub(super) found: Vec<Found>,
}

/// What was found under one load.
pub(super) struct Found {
    pub(super) case: Case,
    pub(super) processors: Processors,
    pub(super) columns: Vec<Column>,
}

/// What was found of one server under it.
pub(super) struct Column {
    pub(super) server: String,
    pub(super) samples: Vec<Sample>,
    /// The run that failed, counted from 1, and why: the last there was.
    pub(super) failed: Option<(usize, Failure)>,
}

impl Comparison {
    /// Measures all of it. A server that fails is not measured further under this load; the others are.
    pub(super) fn measure(options: &Options, told: &mut impl FnMut(&str)) -> Result<Self> {
        // Started from here, a server and a driver have what this process may have.
        corelay_poll::limits::raise_open_files()?;
        let processors = Processors::divide()?;
        let mut comparison = Self {
            machine: Machine::observe(processors.count()),
            processors,
            rounds: options.rounds,
            duration: options.duration,
            connections: options.connections,
            rpc: options.rpc,
            asked: options.asked.clone(),
            commands: options.contenders.iter().map(Contender::command).collect(),
            found: Vec::new(),
        };
        for case in options.scenarios.iter().flat_map(|scenario| scenario.cases()) {
            let found = comparison.measure_case(*case, options, told);
            comparison.found.push(found);
        }
        comparison.machine.finish();
        Ok(comparison)
    }

    fn measure_case(&self, case: Case, options: &Options, told: &mut impl FnMut(&str)) -> Found {
        let processors = match case {
            Case::Skew => self.processors.with_two_for_the_server(),
            _ => self.processors.clone(),
        };
        let columns = Contender::names(&options.contenders).into_iter().map(Column::of).collect();
        let mut found = Found { case, processors, columns };
        for round in 0..options.rounds {
            told(&format!("{}: round {} of {}", case.name(), round + 1, options.rounds));
            let mut order: Vec<_> = options.contenders.iter().zip(&mut found.columns).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for (contender, column) in order.into_iter().filter(|(_, column)| column.failed.is_none()) {
                let (connections, duration) = (options.connections, options.duration);
                let (processors, rpc) = (&found.processors, options.rpc);
                let run = Run { case, contender, processors, connections, duration, rpc };
                column.add(round + 1, run.sample());
                if let Some((_, failure)) = &column.failed {
                    told(&format!("{}: {} failed: {}", case.name(), column.server, failure.why));
                }
            }
        }
        found
    }

    /// A load in a sentence.
    pub(super) fn told(&self, case: Case) -> String {
        let told = case.told(self.connections);
        if self.rpc { format!("{told}; each request is a call of {CALL}, in JSON") } else { told }
    }

    /// Whether there is a server that could not be measured to the end.
    pub(super) fn is_partial(&self) -> bool {
        self.found.iter().flat_map(|found| &found.columns).any(|column| column.failed.is_some())
    }

    /// What disturbed the figures, or may have; for the reader, a sentence each.
    pub(super) fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if !self.processors.are_apart() {
            doubts.push("There is one CPU for server and load: figures tell of both.".to_owned());
        }
        if self.rounds < super::order::ROUNDS_MIN {
            let (rounds, least) = (self.rounds, super::order::ROUNDS_MIN);
            doubts
                .push(format!("With fewer than {least} rounds, here {rounds}, nothing is put in an order."));
        }
        let limits = [
            (
                DriverLimit::SendsLate,
                "The driver sent more than 2 ms late (p99), and latency counts from when a request was due",
            ),
            (DriverLimit::CpuFull, "The driver's CPU was full, and the server may be faster"),
            (
                DriverLimit::CpuShared,
                "Others had the driver's CPU, and latency holds time in which it could not read",
            ),
        ];
        let columns = self.found.iter().flat_map(|found| &found.columns);
        let lost = columns.flat_map(|column| &column.samples).filter_map(|sample| placement(&sample.groups));
        let lost: u32 = lost.map(|placement| placement.lost).sum();
        if lost > 0 {
            doubts.push(format!(
                "{lost} connections that were placed on one core were lost, and opened anew anywhere."
            ));
        }
        doubts.extend(limits.iter().filter_map(|(limit, told)| self.limited(*limit, told)));
        doubts
    }

    /// The runs in which the driver owned up to that.
    fn limited(&self, limit: DriverLimit, told: &str) -> Option<String> {
        let cases = self.found.iter().filter_map(|found| {
            let servers = found.columns.iter().filter_map(|column| column.limited(limit));
            let servers = servers.collect::<Vec<_>>().join(", ");
            (!servers.is_empty()).then(|| format!("{} ({servers})", found.case.name()))
        });
        let cases: Vec<_> = cases.collect();
        (!cases.is_empty()).then(|| format!("{told}: {}.", cases.join("; ")))
    }

    /// Every sample.
    pub(super) fn json(&self) -> Value {
        json!({
            "corelay": env!("CARGO_PKG_VERSION"), "machine": self.machine.json(), "is_partial": self.is_partial(),
            "cpus": { "server": self.processors.server, "load": self.processors.load, "apart": self.processors.are_apart() },
            "rpc": self.rpc.then_some(CALL), "asked": self.asked, "rounds": self.rounds, "seconds": self.duration.as_secs_f64(), "commands": self.commands,
            "doubts": self.doubts(),
            "scenarios": self.found.iter().map(|found| found.json(&self.told(found.case))).collect::<Vec<_>>(),
        })
    }
}

impl Found {
    fn json(&self, load: &str) -> Value {
        json!({
            "name": self.case.name(), "load": load,
            "cpus": { "server": self.processors.server, "load": self.processors.load },
            "servers": self.columns.iter().map(Column::json).collect::<Vec<_>>(),
            "orders": super::order::orders(self).iter().map(|order| order.told()).collect::<Vec<_>>(),
        })
    }
}

impl Column {
    pub(super) fn of(server: String) -> Self {
        Self { server, samples: Vec::new(), failed: None }
    }

    fn add(&mut self, round: usize, outcome: Result<Sample, Failure>) {
        match outcome {
            Ok(sample) => self.samples.push(sample),
            Err(failure) => self.failed = Some((round, failure)),
        }
    }

    /// What failed, and what had been found when it did.
    pub(super) fn failure(&self) -> Option<String> {
        let (round, failure) = self.failed.as_ref()?;
        let kept = match self.samples.len() {
            0 => String::new(),
            count => format!(" Its figures are of the {count} rounds before."),
        };
        let until_then = failure.until_then.as_ref().map_or_else(String::new, |report| {
            let totals = || report.groups.iter().map(|group| &group.total);
            let answered: u64 = totals().map(|total| total.answered).sum();
            let failed: u64 = totals().map(|total| total.errors.total()).sum();
            format!(" In that round {answered} requests were answered and {failed} failed.")
        });
        Some(format!(
            "{} failed in round {round}: {}.{until_then}{kept}",
            self.server,
            failure.why.trim_end_matches('.')
        ))
    }

    /// `cores 2 of 5`: in how many of its rounds the driver was the limit in that way; `None` if in none.
    fn limited(&self, limit: DriverLimit) -> Option<String> {
        let drivers = self.samples.iter().filter_map(|sample| sample.driver.as_ref());
        let runs = drivers.filter(|driver| driver.limits.contains(&limit)).count();
        (runs > 0).then(|| format!("{} {runs} of {}", self.server, self.samples.len()))
    }

    fn json(&self) -> Value {
        let failed = self.failed.as_ref().map(|(round, failure)| {
            json!({ "round": round, "why": failure.why, "until_then": failure.until_then })
        });
        json!({
            "server": self.server, "is_partial": failed.is_some(), "failed": failed,
            "samples": self.samples.iter().map(Sample::json).collect::<Vec<_>>(),
        })
    }
}
