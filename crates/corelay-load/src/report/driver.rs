//! What the driver says of itself, and when its figures are not the server's alone.

use crate::{Distribution, Latency, seconds};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// What a thread had of its CPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) cpu_share: f64,
    pub(crate) cpu_wait_share: Option<f64>,
    pub(crate) cpu_time: Duration,
}

/// What the driver says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DriverReport {
    /// Share of the run that its thread had the CPU, from 0 to 1.
    pub cpu_share: f64,
    /// Share of the run that it could have run and another thread had its CPU; `None` where the kernel does not say (it is
    /// Linux that does, in `/proc/thread-self/schedstat`).
    pub cpu_wait_share: Option<f64>,
    /// From the moment an open loop's request could have been sent (it was due, and its connection free) to the moment it
    /// was. `None` without an open loop.
    pub schedule_error: Option<Latency>,
    /// What that is the summary of.
    #[serde(default)]
    pub schedule_distribution: Option<Distribution>,
    /// CPU time of all its processes, while the run lasted.
    #[serde(default, with = "seconds")]
    pub cpu_time: Duration,
    /// How many processes there were; shares are those of the one that had the most.
    #[serde(default = "one")]
    pub processes: u32,
    /// Why the figures may be the driver's and not the server's; empty if there is no reason to think so.
    pub limits: Vec<DriverLimit>,
}

/// A sign that the driver was the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum DriverLimit {
    /// The 99th percentile of [`DriverReport::schedule_error`] is above 2 ms.
    SendsLate,
    /// It used more than 95 % of a CPU: a faster driver may have found a faster server.
    CpuFull,
    /// Others had its CPU for more than 5 % of the time: answers lay unread meanwhile, and seem late.
    CpuShared,
}

impl DriverReport {
    /// Above this, an open loop's figures are not the server's alone.
    const SCHEDULE_ERROR_P99_MAX: Duration = Duration::from_millis(2);
    /// Above this, it hardly ever waited for the server.
    const CPU_SHARE_MAX: f64 = 0.95;

    /// Above this, others delayed it.
    const CPU_WAIT_SHARE_MAX: f64 = 0.05;

    pub(crate) fn new(usage: &Used, lateness: Option<Distribution>) -> Self {
        let mut report = Self {
            cpu_share: usage.cpu_share,
            cpu_wait_share: usage.cpu_wait_share,
            schedule_error: None,
            schedule_distribution: lateness,
            cpu_time: usage.cpu_time,
            processes: 1,
            limits: Vec::new(),
        };
        report.conclude();
        report
    }

    /// Adds what another process of the same run says of itself.
    pub(crate) fn add(&mut self, other: &Self) {
        self.cpu_share = self.cpu_share.max(other.cpu_share);
        self.cpu_wait_share =
            [self.cpu_wait_share, other.cpu_wait_share].into_iter().flatten().reduce(f64::max);
        match (&mut self.schedule_distribution, &other.schedule_distribution) {
            (Some(distribution), Some(other)) => distribution.add(other),
            (None, Some(other)) => self.schedule_distribution = Some(other.clone()),
            (_, None) => {}
        }
        self.cpu_time += other.cpu_time;
        self.processes += other.processes;
        self.conclude();
    }

    /// The summary and the limits, from what is known.
    fn conclude(&mut self) {
        self.schedule_error = self.schedule_distribution.as_ref().map(Distribution::summary);
        let late = self.schedule_error.is_some_and(|error| error.p99 > Self::SCHEDULE_ERROR_P99_MAX);
        let full = self.cpu_share > Self::CPU_SHARE_MAX;
        let shared = self.cpu_wait_share.is_some_and(|share| share > Self::CPU_WAIT_SHARE_MAX);
        let signs = [
            late.then_some(DriverLimit::SendsLate),
            full.then_some(DriverLimit::CpuFull),
            shared.then_some(DriverLimit::CpuShared),
        ];
        self.limits = signs.into_iter().flatten().collect();
    }
}

impl fmt::Display for DriverLimit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::SendsLate => "the driver sent more than 2 ms late (p99): it, not the server, was the limit",
            Self::CpuShared => {
                "other threads had the driver's CPU: latencies hold time in which it could not read"
            }
            Self::CpuFull => "the driver used its whole CPU: the server may be faster than these figures",
        })
    }
}

fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(cpu_share: f64, cpu_wait_share: Option<f64>, late_ms: Option<u64>) -> DriverReport {
        let lateness = late_ms.map(|ms| {
            let mut distribution = Distribution::default();
            distribution.record(Duration::from_millis(ms));
            distribution
        });
        DriverReport::new(&Used { cpu_share, cpu_wait_share, cpu_time: Duration::from_secs(1) }, lateness)
    }

    #[test]
    fn the_driver_owns_up_to_being_the_limit() {
        assert_eq!(report(0.5, None, Some(1)).limits, []);
        assert_eq!(report(0.5, None, Some(3)).limits, [DriverLimit::SendsLate]);
        assert_eq!(report(0.96, Some(0.05), None).limits, [DriverLimit::CpuFull]);
        assert_eq!(report(0.5, Some(0.06), None).limits, [DriverLimit::CpuShared]);
    }

    #[test]
    fn of_several_processes_the_one_that_had_the_most_decides() {
        let mut sum = report(0.2, None, Some(1));
        sum.add(&report(0.97, Some(0.01), Some(5)));
        assert_eq!((sum.cpu_share, sum.cpu_wait_share, sum.processes), (0.97, Some(0.01), 2));
        assert_eq!(sum.cpu_time, Duration::from_secs(2));
        assert_eq!(sum.schedule_error.map(|error| error.count), Some(2));
        assert_eq!(sum.limits, [DriverLimit::SendsLate, DriverLimit::CpuFull]);
    }
}
