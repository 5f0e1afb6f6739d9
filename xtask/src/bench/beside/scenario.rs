//! Who is beside the plain connections, and what one run of that found.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use corelay_load::{Group, Mix, Plan, Report, Total};

use crate::bench::driver::{self, Doubts};

const PLAIN: &str = "/plaintext";
/// The group of the plain requests, and of what stands beside it.
const PLAIN_GROUP: &str = "plain";
const BESIDE_GROUP: &str = "beside";

/// One kind of load.
pub(crate) struct Scenario {
    pub(crate) letter: char,
    pub(crate) title: &'static str,
    pub(crate) load: Load,
}

/// Which connections there are. All are closed loops.
pub(crate) enum Load {
    /// 32 plain connections.
    Alone,
    /// These, and so many connections on this path.
    Beside(u32, &'static str),
    /// 40 connections that ask for this path once in a hundred times.
    Mixed(&'static str),
}

/// What one run found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    pub(crate) plain_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
    /// One plain request in a hundred or more was not waited for to its end: the p99 is no less than that, and may be more.
    pub(crate) p99_is_at_least: bool,
    /// Answers a second of what stands beside: of its slowest connection, and of all.
    pub(crate) beside_slowest: Option<f64>,
    pub(crate) beside_per_second: Option<f64>,
    pub(crate) doubts: Doubts,
}

impl driver::Sample for Sample {
    fn doubts(&mut self) -> &mut Doubts {
        &mut self.doubts
    }
}

impl Scenario {
    /// Nobody is beside: what the other scenarios of a bench are compared with.
    pub(crate) const ALONE: Self = Self { letter: 'a', title: "32 plain", load: Load::Alone };

    /// The load, in the driver's words.
    pub(crate) fn plan(&self, address: SocketAddr, duration: Duration) -> Plan {
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
    pub(crate) fn sample(&self, report: &Report) -> Result<Sample> {
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
            p99_is_at_least: p99_is_at_least(plain),
            beside_slowest: beside.map(|group| group.slowest_connection_per_second),
            beside_per_second,
            doubts: Doubts::of(report),
        })
    }
}

fn p99_is_at_least(plain: &Total) -> bool {
    plain.errors.unanswered > 0 && plain.errors.unanswered * 100 >= plain.requests
}
