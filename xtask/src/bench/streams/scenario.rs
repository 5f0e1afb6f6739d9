//! Which streams are beside the plain requests, and what one run of it found.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use corelay_load::{Group, Mix, Plan, Report};

use super::client::Moved;
use crate::bench::driver::{self, Doubts};

const PLAIN: &str = "/plaintext";
const PLAIN_GROUP: &str = "plain";

/// Plain connections, to measure the capacity and the latency.
const CONNECTIONS: u32 = 32;

/// Above this part of the time, somebody who is no part of the bench had the driver's CPU.
const OTHERS_SHARE_MAX: f64 = 0.05;

/// Below this part of their pace, the streams were not the load they were to be.
const PACE_MIN: f64 = 0.9;

/// What is beside the plain requests.
pub(super) struct Scenario {
    pub(super) letter: char,
    pub(super) title: &'static str,
    pub(super) has_uploads: bool,
    pub(super) has_readers: bool,
    /// Whether the streams are on another server: what then is left of the difference is not the server's doing.
    pub(super) is_control: bool,
}

/// Scenario a first: the others are compared with it.
pub(super) const SCENARIOS: [Scenario; 5] = [
    Scenario { letter: 'a', title: "alone", has_uploads: false, has_readers: false, is_control: false },
    Scenario { letter: 'b', title: "+ uploads", has_uploads: true, has_readers: false, is_control: false },
    Scenario { letter: 'c', title: "+ readers", has_uploads: false, has_readers: true, is_control: false },
    Scenario { letter: 'd', title: "+ both", has_uploads: true, has_readers: true, is_control: false },
    Scenario {
        letter: 'e',
        title: "+ both, on another server",
        has_uploads: true,
        has_readers: true,
        is_control: true,
    },
];

/// What one run found.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p99_9_ms: f64,
    pub(super) max_ms: f64,
    /// Of the server under the plain load, streams or not.
    pub(super) threads: usize,
    pub(super) cpu_share: f64,
    pub(super) resident_bytes: u64,
    /// Of the kernel, for all TCP sockets of the machine.
    pub(super) socket_bytes: u64,
    /// What the streams moved; `None` without streams.
    pub(super) moved: Option<Moved>,
    /// Share of the time in which the driver waited for its CPU, if the kernel says.
    pub(super) driver_waited: Option<f64>,
    pub(super) doubts: Doubts,
}

/// The capacity's load: 32 connections in a closed loop.
pub(super) fn capacity_plan(address: SocketAddr, duration: Duration) -> Plan {
    plan(address, duration, Group::closed(PLAIN_GROUP, CONNECTIONS, Mix::only(PLAIN)))
}

/// The load beside the streams: the same connections at a fixed rate.
pub(super) fn paced_plan(address: SocketAddr, duration: Duration, requests_per_second: f64) -> Plan {
    plan(address, duration, Group::open(PLAIN_GROUP, CONNECTIONS, requests_per_second, Mix::only(PLAIN)))
}

fn plan(address: SocketAddr, duration: Duration, group: Group) -> Plan {
    let mut plan = Plan::new(address);
    plan.duration = duration;
    plan.groups = vec![group];
    plan
}

impl Scenario {
    /// Uploads and readers, where each kind that there is has `streams`.
    pub(super) fn streams(&self, streams: usize) -> [usize; 2] {
        [self.has_uploads, self.has_readers].map(|has| if has { streams } else { 0 })
    }
}

impl Sample {
    /// What the driver's report says.
    pub(super) fn of(report: &Report) -> Result<Self> {
        let group = report.group(PLAIN_GROUP).context("the driver reports the plain group")?;
        let plain = group.path(PLAIN).context("the driver reports the plain path")?;
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        Ok(Self {
            per_second: plain.per_second,
            p50_ms: ms(plain.latency.p50),
            p99_ms: ms(plain.latency.p99),
            p99_9_ms: ms(plain.latency.p99_9),
            max_ms: ms(plain.latency.max),
            driver_waited: report.driver.cpu_wait_share,
            doubts: Doubts::of(report),
            ..Self::default()
        })
    }
}

impl driver::Sample for Sample {
    fn doubts(&mut self) -> &mut Doubts {
        &mut self.doubts
    }

    /// The client of the streams shares the driver's CPU and is meant to: its time there, which it tells itself, is the most
    /// that the driver can have waited for it. What the driver waited beyond that, it waited for others.
    fn is_disturbed(&mut self) -> bool {
        let client = self.moved.as_ref().map_or(0.0, |moved| moved.client_cpu_share);
        let others = self.driver_waited.is_some_and(|waited| waited - client > OTHERS_SHARE_MAX);
        others || self.moved.as_ref().is_some_and(|moved| moved.pace < PACE_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::driver::Sample as _;

    #[test]
    fn the_streams_client_does_not_make_a_run_disturbed_and_others_do() {
        let sample = |waited, client_cpu_share, pace| Sample {
            driver_waited: Some(waited),
            moved: Some(Moved { client_cpu_share, pace }),
            ..Sample::default()
        };
        assert!(!sample(0.12, 0.1, 1.0).is_disturbed());
        assert!(sample(0.16, 0.1, 1.0).is_disturbed());
        assert!(sample(0.0, 0.1, 0.5).is_disturbed());
        assert!(!Sample { driver_waited: Some(0.04), ..Sample::default() }.is_disturbed());
    }

    #[test]
    fn every_plan_can_be_carried_out() {
        let address = ([127, 0, 0, 1], 80).into();
        for plan in [
            capacity_plan(address, Duration::from_secs(1)),
            paced_plan(address, Duration::from_secs(1), 1000.0),
        ] {
            assert!(plan.check().is_ok());
        }
    }
}
