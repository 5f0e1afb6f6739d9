//! The table of the scenarios, the bound beside it, and both as JSON.

use std::fmt;

use serde_json::{Value, json};

use super::scenario::{SCENARIOS, Sample, Scenario};
use crate::bench::bounds::{Bound, Checked};
use crate::bench::driver::Doubts;
use crate::bench::report::write_table;
use corelay_load::machine::Machine;
use corelay_load::statistics::Estimate;

/// The 99th percentile beside streams, over that of the plain requests alone.
const P99_RATIO: Bound = Bound::AtMost(2.0);

/// All that was found.
pub(super) struct Table {
    pub(super) machine: Machine,
    pub(super) version: String,
    /// The server's, the driver's, and that of the streams' client.
    pub(super) commands: [String; 3],
    /// Requests a second in a closed loop, if measured.
    pub(super) capacity: Option<f64>,
    /// Requests a second of the plain load.
    pub(super) rate: f64,
    /// Of each kind.
    pub(super) streams: usize,
    /// For each scenario, one for each round.
    pub(super) samples: Vec<Vec<Sample>>,
}

impl Table {
    /// How many bounds are missed.
    pub(super) fn missed(&self) -> usize {
        self.checked().iter().filter(|checked| checked.is_missed()).count()
    }

    /// All of it, with every sample.
    pub(super) fn json(&self) -> Value {
        let scenario = |(scenario, samples): (&Scenario, &Vec<Sample>)| {
            json!({
                "scenario": scenario.letter, "title": scenario.title,
                "samples": samples.iter().map(sample_json).collect::<Vec<_>>(),
            })
        };
        json!({
            "machine": self.machine.json(), "corelay": self.version, "commands": self.commands,
            "capacity_per_second": self.capacity, "rate_per_second": self.rate, "streams_of_each_kind": self.streams,
            "scenarios": SCENARIOS.iter().zip(&self.samples).map(scenario).collect::<Vec<_>>(),
            "bounds": self.checked().iter().map(Checked::json).collect::<Vec<_>>(),
        })
    }

    /// The p99 over that of scenario a in the same round.
    fn ratio(&self, scenario: usize) -> Estimate {
        let p99s = |index: usize| self.samples[index].iter().map(|sample| sample.p99_ms).collect::<Vec<_>>();
        Estimate::of_ratio(&p99s(scenario), &p99s(0))
    }

    fn checked(&self) -> Vec<Checked> {
        let bounded = |(_, scenario): &(usize, &Scenario)| {
            !scenario.is_control && (scenario.has_uploads || scenario.has_readers)
        };
        let check = |(index, scenario): (usize, &Scenario)| {
            Checked::new(format!("{}, plain p99 : alone", scenario.letter), self.ratio(index), P99_RATIO)
        };
        SCENARIOS.iter().enumerate().filter(bounded).map(check).collect()
    }

    fn row(&self, index: usize, scenario: &Scenario) -> [String; 11] {
        let samples = &self.samples[index];
        let estimate =
            |value: fn(&Sample) -> f64| Estimate::of(&samples.iter().map(value).collect::<Vec<_>>());
        let median = |value| estimate(value).median;
        let moved = |value: fn(&Sample) -> Option<f64>| {
            let values: Vec<_> = samples.iter().filter_map(value).collect();
            if values.is_empty() {
                return "–".to_owned();
            }
            format!("{:.0}", 100.0 * Estimate::of(&values).median)
        };
        let (p99, ratio) = (estimate(|sample| sample.p99_ms), self.ratio(index));
        let worst = samples.iter().map(|sample| sample.max_ms).fold(0.0, f64::max);
        let mib = |bytes: f64| bytes / f64::from(1 << 20);
        let pace = moved(|sample| sample.moved.as_ref().map(|moved| moved.pace));
        let client = moved(|sample| sample.moved.as_ref().map(|moved| moved.client_cpu_share));
        [
            format!("{} {}", scenario.letter, scenario.title),
            format!("{:.0}", median(|sample| sample.per_second)),
            format!("{:.3}", median(|sample| sample.p50_ms)),
            format!("{p99:.3}"),
            ratio.to_string(),
            format!("{:.2}", median(|sample| sample.p99_9_ms)),
            format!("{:.1} / {worst:.1}", median(|sample| sample.max_ms)),
            format!(
                "{:.0}, {:.0} %",
                median(|sample| sample.threads as f64),
                100.0 * median(|sample| sample.cpu_share)
            ),
            format!(
                "{:.1} / {:.1}",
                mib(median(|sample| sample.resident_bytes as f64)),
                mib(median(|sample| sample.socket_bytes as f64))
            ),
            [pace, client].join(" / "),
            Doubts::told(samples.iter().map(|sample| &sample.doubts)),
        ]
    }
}

fn sample_json(sample: &Sample) -> Value {
    json!({
        "plain_per_second": sample.per_second, "p50_ms": sample.p50_ms, "p99_ms": sample.p99_ms,
        "p99_9_ms": sample.p99_9_ms, "max_ms": sample.max_ms, "threads": sample.threads,
        "cpu_share": sample.cpu_share, "resident_bytes": sample.resident_bytes,
        "socket_buffer_bytes": sample.socket_bytes,
        "streams_pace": sample.moved.as_ref().map(|moved| moved.pace),
        "client_cpu_share": sample.moved.as_ref().map(|moved| moved.client_cpu_share),
        "driver_waited_share": sample.driver_waited, "doubts": sample.doubts.json(),
    })
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\ncorelay {}", self.machine, self.version)?;
        let capacity = self.capacity.map_or_else(String::new, |capacity| {
            format!(", half of the {capacity:.0}/s that they get in a closed loop alone")
        });
        let Self { rate, streams, .. } = self;
        writeln!(out, "32 plain connections at {rate:.0}/s{capacity}; {streams} streams of each kind\n")?;
        let heads = [
            "beside",
            "plain/s",
            "p50 ms",
            "p99 ms [95 %]",
            "p99 × alone [95 %]",
            "p99.9 ms",
            "max ms: median / worst",
            "threads, CPU",
            "MiB: resident / socket buffers",
            "streams: % of pace / % of CPU 1",
            "mind",
        ];
        let rows = SCENARIOS.iter().enumerate().map(|(index, scenario)| self.row(index, scenario));
        write_table(out, heads.map(String::from), rows.collect())?;
        writeln!(out, "\nBounds (missed when the whole interval lies beyond)")?;
        self.checked().iter().try_for_each(|checked| writeln!(out, "  {checked}"))?;
        let rounds = self.samples[0].len();
        writeln!(out, "\nRounds: {rounds}. A server, a driver and, with streams, a client for each run:")?;
        self.commands.iter().try_for_each(|command| writeln!(out, "  {command}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_on_the_server_are_bounded_and_the_control_is_not() {
        let samples =
            [1.0, 1.5, 2.5, 1.9, 9.0].map(|p99_ms| vec![Sample { p99_ms, ..Sample::default() }; 2]).to_vec();
        let table = Table {
            machine: Machine::observe(2),
            version: String::new(),
            commands: [const { String::new() }; 3],
            capacity: None,
            rate: 1.0,
            streams: 1,
            samples,
        };
        let checked = table.checked();
        assert_eq!((checked.len(), table.missed()), (3, 1));
        assert!(checked[1].is_missed() && checked[1].what.starts_with('c'));
    }
}
