//! Who is beside the plain connections, and what the plain ones and they must get.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use corelay_load::{Group, Mix, Plan, Report};

use crate::bench::driver::{self, Doubts};

const PLAIN: &str = "/plaintext";
/// The group of the plain requests, and of what stands beside it.
const PLAIN_GROUP: &str = "plain";
const BESIDE_GROUP: &str = "beside";

/// One line of the acceptance.
pub(super) struct Scenario {
    pub(super) letter: char,
    pub(super) title: &'static str,
    load: Load,
    /// Plain requests a second, as a share of those of scenario a.
    pub(super) ratio_min: Option<f64>,
    /// The 99th percentile of the plain requests, in milliseconds.
    pub(super) p99_max_ms: Option<f64>,
    /// Answers a second of the connection beside that had the fewest.
    pub(super) beside_min: Option<f64>,
}

enum Load {
    /// 32 plain connections.
    Alone,
    /// These, and so many connections on this path.
    Beside(u32, &'static str),
    /// 40 connections that ask for this path once in a hundred times.
    Mixed(&'static str),
}

/// The acceptance, scenario a first: the others are compared with it.
pub(super) const SCENARIOS: [Scenario; 5] = [
    Scenario {
        letter: 'a',
        title: "32 plain",
        load: Load::Alone,
        ratio_min: None,
        p99_max_ms: None,
        beside_min: None,
    },
    Scenario {
        letter: 'b',
        title: "+ 8 on /sleep/100",
        load: Load::Beside(8, "/sleep/100"),
        ratio_min: Some(0.9),
        p99_max_ms: Some(5.0),
        // Ten answers a second, less 5 %.
        beside_min: Some(9.5),
    },
    Scenario {
        letter: 'c',
        title: "+ 200 on /sleep/100",
        load: Load::Beside(200, "/sleep/100"),
        ratio_min: Some(0.9),
        p99_max_ms: Some(5.0),
        beside_min: Some(9.5),
    },
    Scenario {
        letter: 'd',
        title: "40, of which 1 % /sleep/20",
        load: Load::Mixed("/sleep/20"),
        ratio_min: Some(0.9),
        p99_max_ms: Some(5.0),
        beside_min: None,
    },
    Scenario {
        letter: 'e',
        title: "+ 8 on /spin/5000",
        load: Load::Beside(8, "/spin/5000"),
        ratio_min: Some(0.8),
        p99_max_ms: None,
        // They progress: more than one answer in ten seconds, each.
        beside_min: Some(0.1),
    },
];

/// What one run found.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    pub(super) plain_per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
    /// Answers a second of what stands beside: of its slowest connection, and of all.
    pub(super) beside_slowest: Option<f64>,
    pub(super) beside_per_second: Option<f64>,
    pub(super) doubts: Doubts,
}

impl driver::Sample for Sample {
    fn doubts(&mut self) -> &mut Doubts {
        &mut self.doubts
    }
}

impl Scenario {
    /// The load, in the driver's words.
    pub(super) fn plan(&self, address: SocketAddr, duration: Duration) -> Plan {
        let mut plan = Plan::new(address);
        plan.duration = duration;
        plan.groups = match self.load {
            Load::Alone => vec![Group::closed(PLAIN_GROUP, 32, Mix::only(PLAIN))],
            Load::Beside(connections, path) => vec![
                Group::closed(PLAIN_GROUP, 32, Mix::only(PLAIN)),
                Group::closed(BESIDE_GROUP, connections, Mix::only(path)),
            ],
            Load::Mixed(path) => {
                vec![Group::closed(PLAIN_GROUP, 40, Mix::weighted([(PLAIN, 99), (path, 1)]))]
            }
        };
        plan
    }

    /// What the driver's report says of it.
    pub(super) fn sample(&self, report: &Report) -> Result<Sample> {
        let group = report.group(PLAIN_GROUP).context("the driver reports the plain group")?;
        let plain = group.path(PLAIN).context("the driver reports the plain path")?;
        let beside = report.group(BESIDE_GROUP);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let beside_per_second = match self.load {
            Load::Mixed(path) => group.path(path).map(|total| total.per_second),
            _ => beside.map(|group| group.total.per_second),
        };
        Ok(Sample {
            plain_per_second: plain.per_second,
            p50_ms: ms(plain.latency.p50),
            p99_ms: ms(plain.latency.p99),
            max_ms: ms(plain.latency.max),
            beside_slowest: beside.map(|group| group.slowest_connection_per_second),
            beside_per_second,
            doubts: Doubts::of(report),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_a_plan_that_can_be_carried_out() {
        for scenario in &SCENARIOS {
            let plan = scenario.plan(([127, 0, 0, 1], 80).into(), Duration::from_secs(1));
            assert!(plan.check().is_ok(), "{}", scenario.letter);
            assert_eq!(plan.groups[0].mix.paths().next(), Some(PLAIN));
        }
    }
}
