//! The table, the bounds beside it, the commands, and the same with every sample as JSON.

use std::fmt;

use corelay_load::machine::Machine;
use corelay_load::statistics::Estimate;
use serde_json::{Value, json};

use super::{Comparison, Sample};
use crate::bench::bounds::{Bound, Checked};
use crate::bench::report::write_table;

/// All that was found.
pub(super) struct Table {
    pub(super) machine: Machine,
    /// redis-server's version.
    pub(super) redis: String,
    pub(super) commit: String,
    pub(super) comparisons: Vec<Comparison>,
}

fn costs(samples: &[Sample]) -> Vec<f64> {
    samples.iter().map(|sample| sample.cpu_us_per_request).collect()
}

fn median(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    Estimate::of(&samples.iter().map(value).collect::<Vec<_>>()).median
}

impl Comparison {
    /// The first's CPU time per request by the second's, under that load.
    fn ratio(&self, load: usize) -> Estimate {
        Estimate::of_ratio(&costs(&self.samples[0][load]), &costs(&self.samples[1][load]))
    }

    fn rows(&self) -> impl Iterator<Item = [String; 7]> {
        (0..self.loads.len()).flat_map(move |load| {
            self.contenders.iter().enumerate().map(move |(place, contender)| {
                let samples = &self.samples[place][load];
                let Estimate { median: cost, low, high } = Estimate::of(&costs(samples));
                let ratio = match place {
                    0 => {
                        let Estimate { median, low, high } = self.ratio(load);
                        format!("{median:.3} × {} [{low:.3}, {high:.3}]", self.contenders[1].label())
                    }
                    _ => String::new(),
                };
                [
                    format!("{}, {}", self.title, self.loads[load].name()),
                    contender.label().to_owned(),
                    format!("{cost:.3} [{low:.3}, {high:.3}]"),
                    ratio,
                    format!("{:.0}", median(samples, |sample| sample.requests_per_second)),
                    format!("{:.2}", median(samples, |sample| sample.p50_ms)),
                    format!("{:.2}", median(samples, |sample| sample.p99_ms)),
                ]
            })
        })
    }

    fn checked(&self) -> Vec<Checked> {
        let loads = self.loads.iter().enumerate().filter(|_| self.is_bound);
        let checked = loads.map(|(index, load)| {
            let [first, second] = [0, 1].map(|place| self.contenders[place].label());
            let what = format!("{}, {}, {first} : {second}", self.title, load.name());
            Checked::new(what, self.ratio(index), Bound::AtMost(1.0))
        });
        checked.collect()
    }

    fn json(&self) -> Value {
        let of = |place: usize, load: usize| {
            let samples = &self.samples[place][load];
            json!({
                "compared": self.title, "load": self.loads[load].name(), "server": self.contenders[place].label(),
                "cpu_us_per_request": costs(samples),
                "requests_per_second": samples.iter().map(|sample| sample.requests_per_second).collect::<Vec<_>>(),
                "p50_ms": samples.iter().map(|sample| sample.p50_ms).collect::<Vec<_>>(),
                "p99_ms": samples.iter().map(|sample| sample.p99_ms).collect::<Vec<_>>(),
            })
        };
        let places =
            (0..self.contenders.len()).flat_map(|place| (0..self.loads.len()).map(move |load| (place, load)));
        places.map(|(place, load)| of(place, load)).collect()
    }
}

impl Table {
    /// How many bounds are missed.
    pub(super) fn missed(&self) -> usize {
        self.checked().filter(Checked::is_missed).count()
    }

    /// All of it, with every sample.
    pub(super) fn json(&self) -> Value {
        json!({
            "machine": self.machine.json(), "redis": self.redis, "commit": self.commit,
            "comparisons": self.comparisons.iter().map(Comparison::json).collect::<Vec<_>>(),
            "bounds": self.checked().map(|checked| checked.json()).collect::<Vec<_>>(),
        })
    }

    fn checked(&self) -> impl Iterator<Item = Checked> {
        self.comparisons.iter().flat_map(Comparison::checked)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\n\nkv {}, redis-server {}\n", self.machine, self.commit, self.redis)?;
        let heads =
            ["measured", "server", "CPU µs/request [95 %]", "ratio [95 %]", "requests/s", "p50 ms", "p99 ms"];
        let rows = self.comparisons.iter().flat_map(Comparison::rows);
        write_table(out, heads.map(String::from), rows.collect())?;
        if self.checked().next().is_some() {
            writeln!(out, "\nBounds (missed when the whole interval lies beyond)")?;
        }
        self.checked().try_for_each(|checked| writeln!(out, "  {checked}"))?;
        writeln!(
            out,
            "\nLoad, {} runs each",
            self.comparisons.first().map_or(0, |first| first.samples[0][0].len())
        )?;
        for Comparison { title, loads, .. } in &self.comparisons {
            for load in loads {
                writeln!(out, "  {title}: {}", load.command("PORT", "N", "redis-benchmark").join(" "))?;
            }
        }
        Ok(())
    }
}
