//! The table of `cargo xtask bench rpc`, and its bounds.

use std::fmt;

use corelay_load::machine::Machine;
use corelay_load::statistics::Estimate;
use serde_json::{Value, json};

use super::contender::Contender;
use crate::bench::bounds::{Bound, Checked};
use crate::bench::report::write_table;

/// One run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// The server's CPU time for an answer, in microseconds.
    pub(super) cost_us: f64,
    pub(super) per_second: f64,
}

/// What was found of one contender.
pub(super) struct Found {
    pub(super) contender: Contender,
    pub(super) version: String,
    /// How it is started, and how it is asked.
    pub(super) commands: [String; 2],
    /// One a round.
    pub(super) samples: Vec<Sample>,
}

/// All that was found.
pub(super) struct Table {
    pub(super) machine: Machine,
    pub(super) found: Vec<Found>,
}

impl Found {
    fn costs(&self) -> Vec<f64> {
        self.samples.iter().map(|sample| sample.cost_us).collect()
    }

    fn calls_per_cpu_second(&self) -> Estimate {
        Estimate::of(&self.samples.iter().map(|sample| 1e6 / sample.cost_us).collect::<Vec<_>>())
    }
}

impl Table {
    /// How many bounds are missed.
    pub(super) fn missed(&self) -> usize {
        self.checked().iter().filter(|checked| checked.is_missed()).count()
    }

    /// All of it, with every sample.
    pub(super) fn json(&self) -> Value {
        let found = self.found.iter().map(|found| {
            let rates = found.samples.iter().map(|sample| sample.per_second).collect::<Vec<_>>();
            json!({
                "contender": found.contender.name(), "version": found.version, "commands": found.commands,
                "cost_us": found.costs(), "per_second": rates,
            })
        });
        json!({
            "machine": self.machine.json(), "contenders": found.collect::<Vec<_>>(),
            "bounds": self.checked().iter().map(Checked::json).collect::<Vec<_>>(),
        })
    }

    /// How many calls of corelay's the CPU time of one of this one's answers is enough for, round by round.
    fn ratio_to(&self, found: &Found) -> Option<Estimate> {
        let corelay = self.found.iter().find(|found| found.contender == Contender::Corelay)?;
        Some(Estimate::of_ratio(&found.costs(), &corelay.costs()))
    }

    fn checked(&self) -> Vec<Checked> {
        let checked = self.found.iter().filter_map(|found| {
            let bound = Bound::AtLeast(found.contender.at_least()?);
            let what = format!("calls per CPU second, corelay-rpc : {}", found.contender.name());
            Some(Checked::new(what, self.ratio_to(found)?, bound))
        });
        checked.collect()
    }

    fn row(&self, found: &Found) -> [String; 5] {
        let shown = |Estimate { median, low, high }: Estimate, digits: usize| {
            format!("{median:.digits$} [{low:.digits$}, {high:.digits$}]")
        };
        let rates: Vec<_> = found.samples.iter().map(|sample| sample.per_second).collect();
        let ratio = self.ratio_to(found).filter(|_| found.contender != Contender::Corelay);
        [
            format!("{} {}", found.contender.name(), found.version),
            shown(found.calls_per_cpu_second(), 0),
            shown(Estimate::of(&found.costs()), 2),
            ratio.map_or_else(String::new, |ratio| shown(ratio, 2)),
            format!("{:.0}/s", Estimate::of(&rates).median),
        ]
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\n", self.machine)?;
        let heads = ["server", "answers per CPU second", "µs of CPU each", "corelay-rpc : this", "beside"];
        write_table(out, heads.map(String::from), self.found.iter().map(|found| self.row(found)).collect())?;
        writeln!(out, "\nBounds (missed when the whole interval lies beyond)")?;
        self.checked().iter().try_for_each(|checked| writeln!(out, "  {checked}"))?;
        let rounds = self.found.iter().map(|found| found.samples.len()).max().unwrap_or(0);
        writeln!(out, "\nRounds: {rounds}, a new server for each run")?;
        self.found
            .iter()
            .flat_map(|found| &found.commands)
            .try_for_each(|command| writeln!(out, "  {command}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(contender: Contender, cost_us: f64) -> Found {
        let samples = vec![Sample { cost_us, per_second: 1e5 }; 3];
        Found { contender, version: String::new(), commands: Default::default(), samples }
    }

    #[test]
    fn a_call_may_cost_at_most_what_the_acceptance_says() {
        let costs = [(Contender::Json, 8.0), (Contender::Corelay, 10.0), (Contender::Connectrpc, 14.9)];
        let found = costs.map(|(contender, cost)| found(contender, cost)).into();
        let table = Table { machine: Machine::observe(2), found };
        let ratios: Vec<_> = table.checked().iter().map(|checked| checked.found.median).collect();
        assert_eq!(ratios, [0.8, 1.49]);
        assert_eq!(table.missed(), 1);
        assert!(
            table
                .to_string()
                .contains("corelay-rpc : connectrpc: 1.490 [1.490, 1.490], at least 1.5: MISSED")
        );
        assert!(table.to_string().contains("| 100000 [100000, 100000] | 10.00 [10.00, 10.00] |"));
    }
}
