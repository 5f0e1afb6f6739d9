//! The table of engines and settings, the bound beside it, and both as JSON.

use std::fmt;

use serde_json::{Value, json};

use super::{CONNECTIONS, PATH, Sample, TIMES_CAPACITY};
use crate::bench::bounds::{Bound, Checked};
use crate::bench::driver::Doubts;
use crate::bench::report::write_table;
use corelay_load::machine::Machine;
use corelay_load::statistics::Estimate;

/// The admin listener's p99 that issue 7 asks for, in milliseconds.
const ADMIN_P99_MAX_MS: f64 = 50.0;

/// One engine, with shedding or without.
pub(super) struct Row {
    pub(super) engine: &'static str,
    pub(super) sheds: bool,
    pub(super) samples: Vec<Sample>,
}

/// All that was found.
pub(super) struct Table {
    pub(super) machine: Machine,
    /// Answers a second in a closed loop.
    pub(super) capacity: f64,
    /// The server's and the driver's.
    pub(super) commands: [String; 2],
    pub(super) rows: Vec<Row>,
}

impl Row {
    pub(super) fn both(engine: &'static str) -> [Self; 2] {
        [false, true].map(|sheds| Self { engine, sheds, samples: Vec::new() })
    }

    fn estimate(&self, value: impl Fn(&Sample) -> f64) -> Estimate {
        Estimate::of(&self.samples.iter().map(value).collect::<Vec<_>>())
    }

    fn shedding(&self) -> &'static str {
        if self.sheds { "on" } else { "off" }
    }

    fn cells(&self, capacity: f64) -> [String; 10] {
        let interval = |estimate: Estimate, decimals: usize| {
            let Estimate { median, low, high } = estimate;
            format!("{median:.decimals$} [{low:.decimals$}, {high:.decimals$}]")
        };
        let worst = self.samples.iter().map(|sample| sample.admin.max_ms).fold(0.0, f64::max);
        [
            self.engine.to_owned(),
            self.shedding().to_owned(),
            format!("{:.0}", self.estimate(|sample| sample.good_per_second).median),
            interval(self.estimate(|sample| sample.good_per_second / capacity), 2),
            format!("{:.0}", self.estimate(|sample| sample.refused_per_second).median),
            format!("{:.0}", self.estimate(|sample| sample.p50_ms).median),
            interval(self.estimate(|sample| sample.p99_ms), 0),
            format!("{} / {worst:.1}", interval(self.estimate(|sample| sample.admin.p99_ms), 1)),
            format!("{:.1}", self.estimate(|sample| sample.admin.own_wait_p99_ms).median),
            Doubts::told(self.samples.iter().map(|sample| &sample.doubts)),
        ]
    }

    fn json(&self) -> Value {
        let samples = self.samples.iter().map(|sample| {
            json!({
                "good_per_second": sample.good_per_second, "refused_per_second": sample.refused_per_second,
                "p50_ms": sample.p50_ms, "p99_ms": sample.p99_ms,
                "admin_questions": sample.admin.questions, "admin_p50_ms": sample.admin.p50_ms,
                "admin_p99_ms": sample.admin.p99_ms, "admin_max_ms": sample.admin.max_ms,
                "probe_own_wait_p99_ms": sample.admin.own_wait_p99_ms,
                "doubts": sample.doubts.json(),
            })
        });
        json!({
            "engine": self.engine, "shedding": self.sheds, "samples": samples.collect::<Vec<_>>(),
        })
    }
}

impl Table {
    pub(super) fn missed(&self) -> usize {
        self.checked().iter().filter(|checked| checked.is_missed()).count()
    }

    /// All of it, with every sample.
    pub(super) fn json(&self) -> Value {
        json!({
            "machine": self.machine.json(), "capacity_per_second": self.capacity, "commands": self.commands,
            "found": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "bounds": self.checked().iter().map(Checked::json).collect::<Vec<_>>(),
        })
    }

    fn checked(&self) -> Vec<Checked> {
        checked(&self.rows)
    }
}

fn checked(rows: &[Row]) -> Vec<Checked> {
    let admin = |row: &Row| {
        let what = format!("{}, shedding {}: admin p99, ms", row.engine, row.shedding());
        Checked::new(what, row.estimate(|sample| sample.admin.p99_ms), Bound::AtMost(ADMIN_P99_MAX_MS))
    };
    rows.iter().map(admin).collect()
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\n", self.machine)?;
        let (capacity, rate) = (self.capacity, self.capacity * TIMES_CAPACITY);
        writeln!(
            out,
            "{PATH}: {capacity:.0} answers/s in a closed loop; {rate:.0} requests/s, open loop, {CONNECTIONS} connections\n"
        )?;
        let heads = [
            "engine",
            "shedding",
            "200/s",
            "× capacity [95 %]",
            "503/s",
            "p50 ms of 200",
            "p99 ms of 200 [95 %]",
            "admin p99 ms [95 %] / worst",
            "of it the probe's own, p99",
            "mind",
        ];
        let rows = self.rows.iter().map(|row| row.cells(capacity)).collect();
        write_table(out, heads.map(String::from), rows)?;
        writeln!(out, "\nBounds (missed when the whole interval lies beyond)")?;
        self.checked().iter().try_for_each(|checked| writeln!(out, "  {checked}"))?;
        let rounds = self.rows.first().map_or(0, |row| row.samples.len());
        writeln!(
            out,
            "\nRounds: {rounds}. A server and a driver for each run; without shedding, without --shed-target:"
        )?;
        self.commands.iter().try_for_each(|command| writeln!(out, "  {command}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::overload::probe::Latencies;

    #[test]
    fn the_admin_listener_is_held_to_its_bound_on_every_row() {
        let row = |sheds, p99_ms| {
            let admin = Latencies { p99_ms, ..Latencies::default() };
            Row { engine: "cores", sheds, samples: vec![Sample { admin, ..Sample::default() }; 2] }
        };
        let checked = checked(&[row(false, 51.0), row(true, 49.0)]);
        let missed: Vec<_> = checked.iter().filter(|checked| checked.is_missed()).collect();
        assert_eq!(missed.len(), 1);
        assert!(missed[0].what.contains("shedding off"), "{}", missed[0].what);
    }
}
