//! The table of the engines, the bounds beside it, and both as JSON.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::acceptance::{Figure, LINES, RATIO};
use super::case::{Case, PACE_PER_SECOND, Pace, WARM_UP};
use super::sample::Sample;
use crate::bench::bounds::Checked;
use crate::bench::driver::Doubts;
use crate::bench::report::write_table;
use corelay_load::machine::Machine;
use corelay_load::statistics::Estimate;

/// What was found of one case, a sample a round.
pub(super) struct Found {
    pub(super) case: Case,
    pub(super) samples: Vec<Sample>,
}

/// All that was found.
pub(super) struct Table {
    pub(super) machine: Machine,
    pub(super) version: String,
    /// The servers', and the driver's.
    pub(super) commands: Vec<String>,
    /// What was measured of one run.
    pub(super) duration: Duration,
    pub(super) found: Vec<Found>,
}

/// A median and its interval.
fn shown(Estimate { median, low, high }: Estimate, digits: usize) -> String {
    format!("{median:.digits$} [{low:.digits$}, {high:.digits$}]")
}

/// The same with as many digits as a time of that length deserves.
fn shown_ms(estimate: Estimate) -> String {
    shown(estimate, if estimate.median < 10.0 { 2 } else { 0 })
}

impl Found {
    fn values(&self, figure: Figure) -> Vec<f64> {
        self.samples.iter().map(figure).collect()
    }

    fn estimate(&self, figure: Figure) -> Estimate {
        Estimate::of(&self.values(figure))
    }

    fn row(&self) -> [String; 12] {
        let median = |figure| self.estimate(figure).median;
        let worst = self.samples.iter().map(|sample| sample.max_ms).fold(0.0, f64::max);
        let failed: u64 = self.samples.iter().map(Sample::failed).sum();
        [
            format!("{} {}", self.case.connections, self.case.pace.name()),
            self.case.engine.name().to_owned(),
            shown(self.estimate(|sample| sample.per_second), 0),
            failed.to_string(),
            shown_ms(self.estimate(|sample| sample.p50_ms)),
            shown_ms(self.estimate(|sample| sample.p99_ms)),
            format!("{:.1} / {worst:.0}", median(|sample| sample.p99_9_ms)),
            shown(self.estimate(|sample| sample.cpu_us), 1),
            self.memory(),
            format!(
                "{:.2} / {:.0}",
                median(|sample| sample.footprint.address_space as f64 / 1e9),
                median(|sample| sample.footprint.threads as f64)
            ),
            format!("{:.2}", median(|sample| sample.switches)),
            self.mind(),
        ]
    }

    fn memory(&self) -> String {
        let megabytes = |figure| self.estimate(figure).median / 1e6;
        format!(
            "{:.1} + {:.1} + {:.1} = {:.1}",
            megabytes(|sample| sample.footprint.resident as f64),
            megabytes(|sample| sample.footprint.kernel_stacks() as f64),
            megabytes(|sample| sample.footprint.page_tables as f64),
            megabytes(|sample| sample.footprint.sum() as f64)
        )
    }

    /// How well the driver did, and what else the figures of a row do not show.
    fn mind(&self) -> String {
        let cpu = 100.0 * self.estimate(|sample| sample.driver_cpu_share).median;
        let late: Vec<_> = self.samples.iter().filter_map(|sample| sample.sent_late_ms).collect();
        let mut told = vec![format!("driver: {cpu:.0} % of a CPU")];
        if !late.is_empty() {
            told.push(format!("sent {:.2} ms late (p99)", Estimate::of(&late).median));
        }
        let ended: u64 = self.samples.iter().map(|sample| sample.threads_ended).sum();
        if ended > 0 {
            told.push(format!("{ended} threads ended uncounted"));
        }
        told.push(Doubts::told(self.samples.iter().map(|sample| &sample.doubts)));
        told.retain(|part| !part.is_empty());
        told.join(", ")
    }

    fn json(&self) -> Value {
        json!({
            "engine": self.case.engine.name(), "connections": self.case.connections,
            "pace": self.case.pace.name(), "samples": self.samples.iter().map(sample_json).collect::<Vec<_>>(),
        })
    }
}

fn sample_json(sample: &Sample) -> Value {
    json!({
        "per_second": sample.per_second, "p50_ms": sample.p50_ms, "p99_ms": sample.p99_ms,
        "p99_9_ms": sample.p99_9_ms, "max_ms": sample.max_ms, "cpu_us": sample.cpu_us,
        "memory": sample.footprint.json(), "kernel_stacks_of_machine_grew_bytes": sample.kernel_stacks_seen,
        "switches": sample.switches, "threads_ended": sample.threads_ended,
        "driver_sent_late_p99_ms": sample.sent_late_ms, "driver_cpu_share": sample.driver_cpu_share,
        "doubts": sample.doubts.json(),
    })
}

impl Table {
    /// How many bounds are missed.
    pub(super) fn missed(&self) -> usize {
        self.checked().iter().filter(|checked| checked.is_missed()).count()
    }

    /// All of it, with every sample.
    pub(super) fn json(&self) -> Value {
        json!({
            "machine": self.machine.json(), "corelay": self.version, "commands": self.commands,
            "seconds": self.duration.as_secs_f64(), "warm_up_seconds": WARM_UP.as_secs_f64(),
            "found": self.found.iter().map(Found::json).collect::<Vec<_>>(),
            "bounds": self.checked().iter().map(Checked::json).collect::<Vec<_>>(),
        })
    }

    fn of(&self, case: Case) -> Option<&Found> {
        self.found.iter().find(|found| found.case == case)
    }

    /// Of what was measured.
    fn checked(&self) -> Vec<Checked> {
        let title = |case: Case| format!("{}, {} paced", case.engine.name(), case.connections);
        let lines = LINES.iter().filter_map(|line| {
            let found = self.of(line.case)?.estimate(line.figure);
            Some(Checked::new(format!("{}: {}", title(line.case), line.what), found, line.bound))
        });
        let mut checked: Vec<_> = lines.collect();
        if let (Some(over), Some(under)) = (self.of(RATIO.over), self.of(RATIO.under)) {
            let ratio = Estimate::of_ratio(&over.values(RATIO.figure), &under.values(RATIO.figure));
            let (over, under) = (RATIO.over.engine.name(), title(RATIO.under));
            checked.push(Checked::new(format!("{over} : {under}: {}", RATIO.what), ratio, RATIO.bound));
        }
        checked
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\ncorelay {}\n", self.machine, self.version)?;
        let heads = [
            "connections",
            "engine",
            "requests/s [95 %]",
            "errors",
            "p50 ms [95 %]",
            "p99 ms [95 %]",
            "p99.9 ms / worst",
            "CPU µs/request [95 %]",
            "MB: resident + kernel stacks + page tables",
            "GB virtual / threads",
            "switches/request",
            "mind",
        ];
        write_table(out, heads.map(String::from), self.found.iter().map(Found::row).collect())?;
        let checked = self.checked();
        if !checked.is_empty() {
            writeln!(out, "\nBounds (missed when the whole interval lies beyond)")?;
        }
        checked.iter().try_for_each(|checked| writeln!(out, "  {checked}"))?;
        let rounds = self.found.first().map_or(0, |found| found.samples.len());
        if self.found.iter().any(|found| found.case.pace == Pace::Paced) {
            writeln!(out, "\nPaced: {PACE_PER_SECOND} requests a second and connection, evenly spread.")?;
        }
        writeln!(
            out,
            "Rounds: {rounds} of {:?}, after {WARM_UP:?} of warm-up. A server and a driver for each run, on all CPUs:",
            self.duration
        )?;
        self.commands.iter().try_for_each(|command| writeln!(out, "  {command}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::engines::acceptance::FEW_ON_THREADS;
    use crate::bench::engines::case::Engine;
    use corelay_load::process::footprint::Footprint;

    fn found(case: Case, per_second: f64, cpu_us: f64, resident: u64) -> Found {
        let footprint = Footprint { resident, threads: 1, ..Footprint::default() };
        let sample = Sample { per_second, cpu_us, footprint, p99_ms: 49.0, ..Sample::default() };
        Found { case, samples: vec![sample; 3] }
    }

    fn table(found: Vec<Found>) -> Table {
        let (version, duration) = (String::new(), Duration::from_secs(1));
        Table { machine: Machine::observe(2), version, commands: Vec::new(), duration, found }
    }

    #[test]
    fn every_bound_of_the_acceptance_is_checked() {
        let mut table = table(vec![
            found(RATIO.under, 49_950.0, 18.0, 19_000_000),
            found(RATIO.over, 49_000.0, 37.0, 300_000_000),
            found(FEW_ON_THREADS, 10_000.0, 37.0, 44_000_000),
        ]);
        assert_eq!((table.checked().len(), table.missed()), (LINES.len() + 1, 1));
        table.found[1].samples.iter_mut().for_each(|sample| sample.cpu_us = 35.0);
        assert_eq!(table.missed(), 0);
        table.found[0].samples.iter_mut().for_each(|sample| sample.doubts.unanswered = 1);
        assert_eq!(table.missed(), 1);
    }

    #[test]
    fn what_was_not_measured_is_not_checked() {
        let case = Case { engine: Engine::Pool, connections: 10_000, pace: Pace::Paced };
        assert!(table(vec![found(case, 1.0, 1.0, 1)]).checked().is_empty());
    }
}
