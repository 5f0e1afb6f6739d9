//! The table of the scenarios, the bounds beside it, and both as JSON.

use std::fmt;

use serde_json::{Value, json};

use super::acceptance::{ACCEPTANCE, Line};
use crate::bench::beside::{Sample, Samples, Scenario, mind};
use crate::bench::bounds::{Bound, Checked};
use crate::bench::report::write_table;
use corelay_load::machine::Machine;
use corelay_load::statistics::Estimate;

/// What was found with the relay on, or off.
pub(super) struct Found {
    pub(super) relay: &'static str,
    pub(super) samples: Samples,
}

/// All that was found.
pub(super) struct Table {
    pub(super) machine: Machine,
    pub(super) version: String,
    /// The server's and the driver's.
    pub(super) commands: [String; 2],
    pub(super) found: Vec<Found>,
}

impl Found {
    fn rows(&self) -> Vec<[String; 9]> {
        let lines = ACCEPTANCE.iter().enumerate().filter(|(index, _)| !self.samples.of(*index).is_empty());
        lines.map(|(index, line)| self.row(index, &line.scenario)).collect()
    }

    fn row(&self, index: usize, scenario: &Scenario) -> [String; 9] {
        let samples = self.samples.of(index);
        let median = |value: fn(&Sample) -> f64| Estimate::of(&samples.iter().map(value).collect::<Vec<_>>());
        let p99 = median(|sample| sample.p99_ms);
        let ratio = self.samples.ratio(index);
        let worst = samples.iter().map(|sample| sample.max_ms).fold(0.0, f64::max);
        let beside = |value: fn(&Sample) -> Option<f64>| {
            self.samples
                .estimate(index, value)
                .map_or("–".into(), |estimate| format!("{:.2}", estimate.median))
        };
        [
            format!("{} {}", scenario.letter, scenario.title),
            self.relay.to_owned(),
            format!("{:.0}", median(|sample| sample.plain_per_second).median),
            format!("{ratio:.3}"),
            format!("{:.2}", median(|sample| sample.p50_ms).median),
            p99.to_string(),
            format!("{:.1} / {worst:.1}", median(|sample| sample.max_ms).median),
            [beside(|sample| sample.beside_slowest), beside(|sample| sample.beside_per_second)].join(" / "),
            mind(samples),
        ]
    }

    fn checked(&self) -> Vec<Checked> {
        let mut checked = Vec::new();
        for (index, line) in ACCEPTANCE.iter().enumerate() {
            let Line { scenario: Scenario { letter, .. }, ratio_min, p99_max_ms, beside_min } = line;
            let mut check = |what: &str, found: Option<Estimate>, bound: Option<Bound>| {
                if let (Some(found), Some(bound)) = (found, bound) {
                    checked.push(Checked::new(format!("{letter}, {what}"), found, bound));
                }
            };
            let ratio = self.samples.ratio(index);
            check("plain requests a second : alone", Some(ratio), ratio_min.map(Bound::AtLeast));
            let p99 = self.samples.estimate(index, |sample| Some(sample.p99_ms));
            check("plain p99, ms", p99, p99_max_ms.map(Bound::AtMost));
            let slowest = self.samples.estimate(index, |sample| sample.beside_slowest);
            check("answers a second of the slowest beside", slowest, beside_min.map(Bound::AtLeast));
        }
        checked
    }

    fn json(&self) -> Value {
        let scenarios = self.samples.json(ACCEPTANCE.iter().map(|line| &line.scenario));
        json!({ "relay": self.relay, "scenarios": scenarios })
    }
}

impl Table {
    /// How many bounds are missed with the relay on.
    pub(super) fn missed(&self) -> usize {
        self.checked().iter().filter(|checked| checked.is_missed()).count()
    }

    /// All of it, with every sample.
    pub(super) fn json(&self) -> Value {
        json!({
            "machine": self.machine.json(), "corelay": self.version, "commands": self.commands,
            "found": self.found.iter().map(Found::json).collect::<Vec<_>>(),
            "bounds": self.checked().iter().map(Checked::json).collect::<Vec<_>>(),
        })
    }

    fn checked(&self) -> Vec<Checked> {
        self.found.iter().filter(|found| found.relay == "on").flat_map(Found::checked).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\ncorelay {}\n", self.machine, self.version)?;
        let heads = [
            "connections",
            "relay",
            "plain/s",
            "× alone [95 %]",
            "p50 ms",
            "p99 ms [95 %]",
            "max ms: median / worst",
            "beside, answers/s: slowest / all",
            "mind",
        ];
        write_table(out, heads.map(String::from), self.found.iter().flat_map(Found::rows).collect())?;
        writeln!(out, "\nBounds, with the relay on (missed when the whole interval lies beyond)")?;
        self.checked().iter().try_for_each(|checked| writeln!(out, "  {checked}"))?;
        let rounds: Vec<_> =
            self.found.iter().map(|found| format!("{} {}", found.samples.of(0).len(), found.relay)).collect();
        writeln!(out, "\nRounds: {}. A server and a driver for each run:", rounds.join(", "))?;
        self.commands.iter().try_for_each(|command| writeln!(out, "  {command}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_of_the_acceptance_is_checked() {
        let sample = |rate| Sample {
            plain_per_second: rate,
            p99_ms: 4.0,
            beside_slowest: Some(9.9),
            ..Sample::default()
        };
        let mut samples = Samples::new(ACCEPTANCE.len());
        for (scenario, rate) in [100.0, 95.0, 80.0, 95.0, 85.0].into_iter().enumerate() {
            for _round in 0..2 {
                samples.push(scenario, sample(rate));
            }
        }
        let checked = Found { relay: "on", samples }.checked();
        // b and c: throughput, p99, sleepers; d: throughput, p99; e: throughput, spinners.
        assert_eq!(checked.len(), 10);
        let missed: Vec<_> = checked.iter().filter(|checked| checked.is_missed()).collect();
        assert_eq!(missed.len(), 1);
        assert!(missed[0].what.starts_with("c, plain requests"), "{}", missed[0].what);
    }
}
