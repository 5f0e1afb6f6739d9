//! What the runs of one server found, by scenario: estimates, cells of a table, JSON.

use serde_json::{Value, json};

use super::scenario::{Sample, Scenario};
use crate::bench::driver::Doubts;
use corelay_load::statistics::Estimate;

/// For each scenario, one sample a round. The first scenario is the plain connections alone.
#[derive(Debug)]
pub(crate) struct Samples(Vec<Vec<Sample>>);

impl Samples {
    /// None yet.
    pub(crate) fn new(scenarios: usize) -> Self {
        Self(vec![Vec::new(); scenarios])
    }

    pub(crate) fn push(&mut self, scenario: usize, sample: Sample) {
        self.0[scenario].push(sample);
    }

    /// Those of one scenario.
    pub(crate) fn of(&self, scenario: usize) -> &[Sample] {
        &self.0[scenario]
    }

    /// Plain requests a second over those of the first scenario in the same round.
    pub(crate) fn ratio(&self, scenario: usize) -> Estimate {
        let rates = |index: usize| self.values(index, |sample| Some(sample.plain_per_second));
        Estimate::of_ratio(&rates(scenario), &rates(0))
    }

    /// The median and its interval; `None` where the scenario has no such thing.
    pub(crate) fn estimate(
        &self,
        scenario: usize,
        value: impl Fn(&Sample) -> Option<f64>,
    ) -> Option<Estimate> {
        let values = self.values(scenario, value);
        (!values.is_empty()).then(|| Estimate::of(&values))
    }

    /// All of it, every sample.
    pub(crate) fn json<'a>(&self, scenarios: impl Iterator<Item = &'a Scenario>) -> Vec<Value> {
        let scenario = |(scenario, samples): (&Scenario, &Vec<Sample>)| {
            let samples = samples.iter().map(Sample::json).collect::<Vec<_>>();
            json!({ "scenario": scenario.letter, "title": scenario.title, "samples": samples })
        };
        scenarios.zip(&self.0).map(scenario).collect()
    }

    fn values(&self, scenario: usize, value: impl Fn(&Sample) -> Option<f64>) -> Vec<f64> {
        self.0[scenario].iter().filter_map(value).collect()
    }
}

impl Sample {
    fn json(&self) -> Value {
        json!({
            "plain_per_second": self.plain_per_second, "p50_ms": self.p50_ms, "p99_ms": self.p99_ms,
            "max_ms": self.max_ms, "p99_is_at_least": self.p99_is_at_least,
            "beside_slowest": self.beside_slowest, "beside_per_second": self.beside_per_second,
            "doubts": self.doubts.json(),
        })
    }
}

/// What the figures of a row do not show: failures, and runs in which the driver's figures are not the server's alone.
pub(crate) fn mind(samples: &[Sample]) -> String {
    Doubts::told(samples.iter().map(|sample| &sample.doubts))
}
