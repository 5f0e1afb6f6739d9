//! The table: a row for each way to block, and in a cell what became of the plain requests and of those that block.

use std::fmt;

use serde_json::{Value, json};

use super::contender::{Contender, SCENARIOS, Way};
use crate::bench::beside::{Samples, mind};
use crate::bench::report::write_table;
use corelay_load::machine::Machine;

/// All that was found.
pub(super) struct Table {
    pub(super) machine: Machine,
    pub(super) driver: String,
    pub(super) servers: Vec<Server>,
    /// Servers that could not be had, and why.
    pub(super) left_out: Vec<String>,
}

/// One server, and what was found of each of its ways.
pub(super) struct Server {
    pub(super) contender: Contender,
    pub(super) version: String,
    pub(super) command: String,
    pub(super) found: Vec<Samples>,
}

impl Server {
    fn ways(&self) -> impl Iterator<Item = (&'static Way, &Samples)> {
        self.contender.ways().iter().zip(&self.found)
    }

    fn row(&self, way: &Way, found: &Samples) -> [String; 6] {
        let alone = found.estimate(0, |sample| Some(sample.plain_per_second));
        [
            format!("{} {}", self.contender.name(), self.version),
            way.title.to_owned(),
            alone.map_or_else(String::new, |rate| format!("{rate:.0}")),
            cell(found, 1),
            cell(found, 2),
            cell(found, 3),
        ]
    }

    fn json(&self) -> Value {
        let way = |(way, found): (&Way, &Samples)| {
            let scenarios = way.scenarios();
            json!({ "way": way.title, "scenarios": found.json(scenarios.iter().flatten()) })
        };
        json!({
            "server": self.contender.name(), "version": self.version, "command": self.command,
            "ways": self.ways().map(way).collect::<Vec<_>>(),
        })
    }
}

/// One scenario: plain requests a second as a share of those alone, their p99, answers a second of those that block.
fn cell(found: &Samples, scenario: usize) -> String {
    let samples = found.of(scenario);
    let p99 = found.estimate(scenario, |sample| Some(sample.p99_ms));
    let beside = found.estimate(scenario, |sample| sample.beside_per_second);
    let (Some(p99), Some(beside)) = (p99, beside) else { return "as above".into() };
    let ratio = found.ratio(scenario);
    let least = if samples.iter().any(|sample| sample.p99_is_at_least) { "≥ " } else { "" };
    format!("{ratio:.3}, {least}{:.2} ms, {:.0}/s", p99.median, beside.median)
}

/// What to mind of each scenario, by its letter.
fn told(way: &Way, found: &Samples) -> String {
    let scenarios = way.scenarios().into_iter().enumerate();
    let told = scenarios.filter_map(|(index, scenario)| Some((scenario?.letter, mind(found.of(index)))));
    let told = told.filter(|(_, what)| !what.is_empty()).map(|(letter, what)| format!("{letter}: {what}"));
    told.collect::<Vec<_>>().join("; ")
}

impl Table {
    /// All of it, with every sample.
    pub(super) fn json(&self) -> Value {
        json!({
            "machine": self.machine.json(), "driver": self.driver, "left_out": self.left_out,
            "servers": self.servers.iter().map(Server::json).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\n", self.machine)?;
        let titles: [String; SCENARIOS] = Contender::Corelay.ways()[0]
            .scenarios()
            .map(|scenario| scenario.map_or_else(String::new, |it| format!("{} {}", it.letter, it.title)));
        let [alone, few, many, burning] = titles;
        let heads = ["server".into(), "blocks".into(), format!("{alone}, /s [95 %]"), few, many, burning];
        let rows =
            self.servers.iter().flat_map(|server| server.ways().map(|(way, found)| server.row(way, found)));
        write_table(out, heads, rows.collect())?;
        writeln!(
            out,
            "\nb to d: plain requests/s : alone [95 %], p99 of the plain ones, answers/s of the others"
        )?;
        for server in &self.servers {
            let told = server.ways().map(|(way, found)| (way.title, told(way, found)));
            for (way, told) in told.filter(|(_, told)| !told.is_empty()) {
                writeln!(out, "Mind, {}, {way}: {told}", server.contender.name())?;
            }
        }
        self.left_out.iter().try_for_each(|why| writeln!(out, "Left out: {why}"))?;
        let rounds =
            self.servers.iter().flat_map(|server| &server.found).map(|found| found.of(0).len()).max();
        writeln!(out, "\nRounds: {}. A server and a driver for each run:", rounds.unwrap_or(0))?;
        self.servers.iter().try_for_each(|server| writeln!(out, "  {}", server.command))?;
        writeln!(out, "  {}", self.driver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::beside::Sample;
    use crate::bench::driver::Doubts;

    #[test]
    fn a_cell_tells_the_share_the_p99_and_those_that_block() {
        let mut found = Samples::new(SCENARIOS);
        let sample = Sample { plain_per_second: 200.0, ..Sample::default() };
        found.push(0, sample);
        let (p99_ms, beside_per_second) = (2_500.0, Some(79.6));
        let doubts = Doubts { unanswered: 3, ..Doubts::default() };
        let sample =
            Sample { plain_per_second: 50.0, p99_ms, beside_per_second, doubts, ..Sample::default() };
        found.push(1, Sample { p99_is_at_least: true, ..sample.clone() });
        found.push(2, sample);
        assert_eq!(cell(&found, 1), "0.250 [0.250, 0.250], ≥ 2500.00 ms, 80/s");
        assert_eq!(cell(&found, 2), "0.250 [0.250, 0.250], 2500.00 ms, 80/s");
        assert_eq!(cell(&found, 3), "as above");
        assert_eq!(told(&Contender::Go.ways()[1], &found), "b: 3 unanswered; c: 3 unanswered");
    }
}
