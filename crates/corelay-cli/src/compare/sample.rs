//! What one run found, and the figures that are shown of it.
//!
//! Tables, orders and plots all go through [`Figure`]: a name, a unit, how to get it from a sample, and what is better. What a run
//! could not tell (the CPU time of a server that somebody else started) is absent there and shown as such.

use corelay_load::process::footprint::Footprint;
use corelay_load::statistics::Estimate;
use corelay_load::{DriverReport, ErrorCounts, GroupReport, Latency};
use serde_json::{Value, json};

/// One run of one server under one load.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    /// Answers a second; `None` where the load is no rate.
    pub(super) per_second: Option<f64>,
    pub(super) latency: Option<Latency>,
    pub(super) errors: ErrorCounts,
    /// The server's CPU time for a request, in microseconds.
    pub(super) cpu_us: Option<f64>,
    /// When the load was over and the connections were held.
    pub(super) footprint: Option<Footprint>,
    /// Context switches of the server's threads for a request.
    pub(super) switches: Option<f64>,
    /// Of the server's CPU time, the share of its busiest thread, where connections were placed on one.
    pub(super) busiest_share: Option<f64>,
    /// Memory with so many connections, where that is the load.
    pub(super) steps: Vec<Step>,
    /// All that the driver told of the requests, those beside the ones that matter among it.
    pub(super) groups: Vec<GroupReport>,
    pub(super) driver: Option<DriverReport>,
}

/// Memory with a number of connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    pub(super) connections: u32,
    pub(super) footprint: Footprint,
}

/// A number that a sample may have.
#[derive(Clone, Copy)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) of: fn(&Sample) -> Option<f64>,
    pub(super) better: Better,
}

/// What to wish for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    More,
    Less,
}

const fn less(name: &'static str, unit: &'static str, of: fn(&Sample) -> Option<f64>) -> Figure {
    Figure { name, unit, of, better: Better::Less }
}

pub(super) const RATE: Figure =
    Figure { name: "requests/s", unit: "", of: |sample| sample.per_second, better: Better::More };
pub(super) const CPU: Figure = less("CPU/request", "µs", |sample| sample.cpu_us);
pub(super) const P99: Figure = less("p99", "ms", |sample| ms(sample, |latency| latency.p99));
pub(super) const MEMORY: Figure = less("memory", "MB", |sample| megabytes(sample, Footprint::sum));
pub(super) const PER_CONNECTION: Figure = less("memory/connection", "B", Sample::bytes_per_connection);

/// In the order of the columns.
pub(super) const FIGURES: [Figure; 19] = [
    RATE,
    less("p50", "ms", |sample| ms(sample, |latency| latency.p50)),
    less("p90", "ms", |sample| ms(sample, |latency| latency.p90)),
    P99,
    less("p99.9", "ms", |sample| ms(sample, |latency| latency.p99_9)),
    less("p99.99", "ms", |sample| ms(sample, |latency| latency.p99_99)),
    less("max", "ms", |sample| ms(sample, |latency| latency.max)),
    less("errors", "", |sample| sample.per_second.map(|_| sample.errors.total() as f64)),
    CPU,
    less("switches/request", "", |sample| sample.switches),
    less("busiest thread", "%", |sample| Some(sample.busiest_share? * 100.0)),
    PER_CONNECTION,
    MEMORY,
    less("resident", "MB", |sample| megabytes(sample, |footprint| footprint.resident)),
    less("kernel stacks", "MB", |sample| megabytes(sample, Footprint::kernel_stacks)),
    less("page tables", "MB", |sample| megabytes(sample, |footprint| footprint.page_tables)),
    less("threads", "", |sample| Some(sample.footprint?.threads as f64)),
    less("driver: of its CPU", "%", |sample| Some(sample.driver.as_ref()?.cpu_share * 100.0)),
    less("driver: p99 sent late", "ms", |sample| {
        Some(sample.driver.as_ref()?.schedule_error.as_ref()?.p99.as_secs_f64() * 1e3)
    }),
];

/// Shown beside the others, and never an order: address space costs nothing.
pub(super) const ADDRESS_SPACE: Figure =
    less("virtual", "GB", |sample| Some(sample.footprint?.address_space as f64 / 1e9));

/// The percentiles of a latency curve, with the share of requests that is above each.
pub(super) const PERCENTILES: [(f64, Figure); 5] =
    [(0.5, FIGURES[1]), (0.1, FIGURES[2]), (0.01, FIGURES[3]), (0.001, FIGURES[4]), (0.0001, FIGURES[5])];

fn ms(sample: &Sample, of: fn(&Latency) -> std::time::Duration) -> Option<f64> {
    Some(of(&sample.latency?).as_secs_f64() * 1e3)
}

/// Of 10^6 bytes.
fn megabytes(sample: &Sample, of: fn(&Footprint) -> u64) -> Option<f64> {
    Some(of(&sample.footprint?) as f64 / 1e6)
}

impl Sample {
    /// What the connections added to resident memory, kernel stacks and page tables, for each of them.
    fn bytes_per_connection(&self) -> Option<f64> {
        let (first, last) = (self.steps.first()?, self.steps.last()?);
        let added = last.footprint.sum() as f64 - first.footprint.sum() as f64;
        Some(added / f64::from(last.connections - first.connections))
    }

    /// Every figure that it has, by name and unit, and what they are from.
    pub(super) fn json(&self) -> Value {
        json!({
            "per_second": self.per_second, "latency": self.latency, "errors": self.errors, "cpu_us": self.cpu_us,
            "memory": self.footprint.map(|footprint| footprint.json()), "switches": self.switches,
            "busiest_share": self.busiest_share, "bytes_per_connection": self.bytes_per_connection(),
            "steps": self.steps.iter().map(Step::json).collect::<Vec<_>>(),
            "groups": self.groups.iter().map(group_json).collect::<Vec<_>>(), "driver": self.driver,
        })
    }
}

/// Without the distributions: their percentiles are there, and they would be nearly all of a file.
fn group_json(group: &GroupReport) -> Value {
    let mut json = json!(group);
    let paths = json["paths"].as_array_mut().map(|paths| paths.iter_mut().filter_map(Value::as_object_mut));
    paths.into_iter().flatten().for_each(|path| drop(path.remove("distribution")));
    json.as_object_mut().map(|group| group.remove("distribution"));
    json
}

impl Step {
    fn json(&self) -> Value {
        json!({ "connections": self.connections, "memory": self.footprint.json() })
    }
}

impl Figure {
    /// Of several runs: the median and its interval. `None` unless each of them has it.
    pub(super) fn estimate(&self, samples: &[Sample]) -> Option<Estimate> {
        let values: Option<Vec<f64>> = samples.iter().map(self.of).collect();
        Some(Estimate::of(&values.filter(|values| !values.is_empty())?))
    }

    /// The name with its unit.
    pub(super) fn head(&self) -> String {
        if self.unit.is_empty() { self.name.to_owned() } else { format!("{} {}", self.name, self.unit) }
    }

    /// A median with its interval; without one where all runs had the same, or there is but one.
    pub(super) fn shown(&self, samples: &[Sample]) -> String {
        match self.estimate(samples) {
            None => "–".to_owned(),
            Some(estimate) if samples.len() == 1 || estimate.low == estimate.high => number(estimate.median),
            Some(Estimate { median, low, high }) => {
                let is_whole = [median, low, high].iter().all(|value| value.fract() == 0.0);
                let digits = if is_whole { 0 } else { digits(median) };
                format!("{median:.digits$} [{low:.digits$}, {high:.digits$}]")
            }
        }
    }
}

/// Three digits, or all before the point; a whole number as one.
pub(super) fn number(value: f64) -> String {
    let digits = if value.fract() == 0.0 { 0 } else { digits(value) };
    format!("{value:.digits$}")
}

/// Behind the point.
fn digits(value: f64) -> usize {
    match value.abs() {
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    #[test]
    fn a_figure_that_one_run_lacks_is_not_shown() {
        let with = |cpu_us| Sample { cpu_us, ..Sample::default() };
        assert_eq!(CPU.shown(&[with(Some(4.0)), with(None)]), "–");
        assert_eq!(CPU.shown(&[with(Some(4.5))]), "4.50");
        assert_eq!(CPU.shown(&[4.5, 5.5, 6.5].map(|us| with(Some(us)))), "5.50 [4.50, 6.50]");
        assert_eq!(CPU.shown(&[4.0, 4.0].map(|us| with(Some(us)))), "4");
        assert_eq!(CPU.shown(&[]), "–");
    }

    #[test]
    fn memory_a_connection_is_what_was_added() {
        let step = |connections, resident| Step {
            connections,
            footprint: Footprint { resident, ..Footprint::default() },
        };
        let sample =
            Sample { steps: vec![step(0, 1_000), step(5, 1_300), step(10, 1_600)], ..Sample::default() };
        assert_eq!(PER_CONNECTION.estimate(&[sample]).unwrap().median, 60.0);
    }

    #[test]
    fn numbers_have_three_digits() {
        let shown = [0.0, 0.0123, 2.6543, 26.543, 265.43, 123_456.7].map(number);
        assert_eq!(shown, ["0", "0.01", "2.65", "26.5", "265", "123457"]);
    }
}
