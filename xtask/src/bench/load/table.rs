//! The table of the generators, the bounds beside it, and both as JSON.

use std::fmt;

use corelay_load::machine::Machine;
use corelay_load::statistics::Estimate;
use serde_json::{Value, json};

use super::generator::{Generator, PERCENTILES};
use super::{CLOSED, COST, Found, Load, OPEN, PACED, Sample};
use crate::bench::bounds::{Bound, Checked};
use crate::bench::report::write_table;

/// How far the others may be from corelay: rates, and percentiles.
const RATE: Bound = Bound::Within(0.95, 1.05);
const PERCENTILE: Bound = Bound::Within(0.9, 1.1);

/// All that was found.
pub(super) struct Table {
    pub(super) machine: Machine,
    pub(super) version: String,
    pub(super) server: String,
    pub(super) loads: [Load; 4],
    pub(super) found: Vec<Found>,
    pub(super) left_out: Vec<String>,
}

/// Requests for each second of the generator's CPU.
fn per_cpu_second(sample: &Sample) -> f64 {
    sample.said.requests as f64 / sample.cpu_time.as_secs_f64().max(0.01)
}

fn rate(sample: &Sample) -> f64 {
    sample.said.per_second
}

fn percentile(index: usize) -> impl Fn(&Sample) -> f64 {
    move |sample| sample.said.percentiles.map_or(f64::NAN, |all| all[index])
}

fn estimate(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> Option<Estimate> {
    let values: Vec<f64> = samples.iter().map(value).filter(|value| !value.is_nan()).collect();
    (!values.is_empty()).then(|| Estimate::of(&values))
}

fn cell(estimate: Option<Estimate>, decimals: usize) -> String {
    estimate.map_or_else(
        || "–".to_owned(),
        |Estimate { median, low, high }| format!("{median:.decimals$} [{low:.decimals$}, {high:.decimals$}]"),
    )
}

impl Table {
    /// How many bounds are missed.
    pub(super) fn missed(&self) -> usize {
        self.checked().iter().filter(|checked| checked.is_missed()).count()
    }

    /// All of it, with every sample.
    pub(super) fn json(&self) -> Value {
        json!({
            "machine": self.machine.json(), "corelay": self.version, "server": self.server,
            "left_out": self.left_out,
            "generators": self.found.iter().map(|found| self.json_of(found)).collect::<Vec<_>>(),
            "bounds": self.checked().iter().map(Checked::json).collect::<Vec<_>>(),
        })
    }

    fn json_of(&self, found: &Found) -> Value {
        let sample = |sample: &Sample| {
            json!({
                "requests": sample.said.requests, "per_second": sample.said.per_second, "errors": sample.said.errors,
                "percentiles_ms": sample.said.percentiles, "schedule_error_p99_ms": sample.said.schedule_error,
                "cpu_seconds": sample.cpu_time.as_secs_f64(),
            })
        };
        let loads = self.loads.iter().zip(&found.samples);
        let loads = loads.map(|(load, samples)| {
            let samples = samples.iter().map(sample).collect::<Vec<_>>();
            json!({ "load": load.name, "path": load.path, "rate": load.rate, "samples": samples })
        });
        json!({
            "generator": found.generator.name(), "version": found.version, "commands": found.commands,
            "loads": loads.collect::<Vec<_>>(),
        })
    }

    fn corelay(&self) -> Option<&Found> {
        self.found.iter().find(|found| found.generator == Generator::Corelay)
    }

    fn checked(&self) -> Vec<Checked> {
        let Some(corelay) = self.corelay() else { return Vec::new() };
        let mut checked = Vec::new();
        for other in self.found.iter().filter(|found| found.generator != Generator::Corelay) {
            let name = other.generator.name();
            let mut check = |load: usize, what: &str, value: &dyn Fn(&Sample) -> f64, bound| {
                let values = |found: &Found| found.samples[load].iter().map(value).collect::<Vec<_>>();
                if !other.samples[load].is_empty() {
                    let found = Estimate::of_ratio(&values(corelay), &values(other));
                    checked.push(Checked::new(format!("corelay : {name}, {what}"), found, bound));
                }
            };
            if other.generator == Generator::Wrk {
                check(COST, "requests per CPU second", &per_cpu_second, Bound::AtLeast(1.0));
            }
            check(CLOSED, "closed loop, rate", &rate, RATE);
            for (index, (percentile, _)) in PERCENTILES.iter().enumerate() {
                check(CLOSED, &format!("closed loop, {percentile}"), &self::percentile(index), PERCENTILE);
                // h2load's moments are others.
                if other.generator == Generator::Oha {
                    check(OPEN, &format!("open loop, {percentile}"), &self::percentile(index), PERCENTILE);
                }
            }
        }
        let late = |sample: &Sample| sample.said.schedule_error.unwrap_or(f64::NAN);
        if let Some(late) = estimate(&corelay.samples[PACED], late) {
            let what = "corelay, paced, schedule error p99, ms".to_owned();
            checked.push(Checked::new(what, late, Bound::AtMost(2.0)));
        }
        // Without its rate the schedule says nothing: a request whose connection waits for an answer cannot be sent.
        if let Some(rate) = estimate(&corelay.samples[PACED], rate) {
            let due = f64::from(self.loads[PACED].rate.unwrap_or(1));
            let share = Estimate { median: rate.median / due, low: rate.low / due, high: rate.high / due };
            checked.push(Checked::new(
                "corelay, paced, answered : due".to_owned(),
                share,
                Bound::AtLeast(0.99),
            ));
        }
        checked
    }

    fn row(&self, found: &Found) -> [String; 11] {
        let of = |load: usize| &found.samples[load][..];
        let errors: u64 = found.samples.iter().flatten().map(|sample| sample.said.errors).sum();
        let percentiles = |load| [0, 1, 2].map(|index| cell(estimate(of(load), percentile(index)), 2));
        let ([closed_p50, closed_p90, closed_p99], [p50, p90, p99]) =
            (percentiles(CLOSED), percentiles(OPEN));
        [
            format!("{} {}", found.generator.name(), found.version),
            cell(estimate(of(COST), per_cpu_second), 0),
            cell(estimate(of(COST), rate), 0),
            cell(estimate(of(CLOSED), rate), 0),
            closed_p50,
            closed_p90,
            closed_p99,
            p50,
            p90,
            p99,
            errors.to_string(),
        ]
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\ncorelay {}\n", self.machine, self.version)?;
        let heads = [
            "generator",
            "cost: requests per CPU s [95 %]",
            "cost: requests/s",
            "closed: requests/s",
            "closed: p50 ms",
            "closed: p90 ms",
            "closed: p99 ms",
            "open: p50 ms",
            "open: p90 ms",
            "open: p99 ms",
            "errors",
        ];
        write_table(out, heads.map(String::from), self.found.iter().map(|found| self.row(found)).collect())?;
        if let Some(corelay) = self.corelay() {
            let paced = &corelay.samples[PACED];
            let late = |sample: &Sample| sample.said.schedule_error.unwrap_or(f64::NAN);
            let (late, rate) = (cell(estimate(paced, late), 3), cell(estimate(paced, rate), 0));
            writeln!(
                out,
                "\npaced, corelay: sent after it was due, p99 {late} ms; {rate} answers/s of 50,000 due"
            )?;
        }
        self.left_out.iter().try_for_each(|why| writeln!(out, "\nleft out: {why}"))?;
        writeln!(out, "\nBounds (missed when the whole interval lies beyond)")?;
        self.checked().iter().try_for_each(|checked| writeln!(out, "  {checked}"))?;
        let rounds = self.corelay().map_or(0, |corelay| corelay.samples[COST].len());
        writeln!(out, "\nRounds: {rounds}, with a server each: {}", self.server)?;
        let commands = self.found.iter().flat_map(|found| &found.commands);
        commands.into_iter().try_for_each(|command| writeln!(out, "  {command}"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::generator::Said;
    use super::*;
    use crate::bench::load::{loads, options::Options};

    fn found(generator: Generator, rate: f64, cpu_ms: u64) -> Found {
        let said = Said {
            requests: 1000,
            per_second: rate,
            percentiles: Some([rate / 1e3; 3]),
            schedule_error: Some(0.5),
            errors: 0,
        };
        let sample = Sample { said, cpu_time: Duration::from_millis(cpu_ms) };
        let open = if generator == Generator::Wrk { Vec::new() } else { vec![sample.clone(); 3] };
        let samples = vec![vec![sample.clone(); 3], vec![sample; 3], open.clone(), open];
        Found { generator, version: String::new(), commands: Vec::new(), samples }
    }

    #[test]
    fn every_bound_of_the_acceptance_is_checked() {
        let options = Options { pairs: 3, seconds: 1, rate: 1, json: None };
        let others =
            [(Generator::Wrk, 1_040.0, 120), (Generator::Oha, 1_070.0, 90), (Generator::H2load, 1_000.0, 90)];
        let mut all = vec![found(Generator::Corelay, 1_000.0, 100)];
        all.extend(others.map(|(generator, rate, cpu)| found(generator, rate, cpu)));
        let table = Table {
            machine: Machine::observe(2),
            version: String::new(),
            server: String::new(),
            loads: loads(&options),
            found: all,
            left_out: Vec::new(),
        };
        // wrk's cost; of each the closed loop's rate and three percentiles; oha's three in an open loop; the schedule and its rate.
        assert_eq!(table.checked().len(), 1 + 3 * 4 + 3 + 2);
        let missed: Vec<_> =
            table.checked().into_iter().filter(Checked::is_missed).map(|one| one.what).collect();
        assert_eq!(missed, ["corelay : oha, closed loop, rate", "corelay, paced, answered : due"]);
    }
}
