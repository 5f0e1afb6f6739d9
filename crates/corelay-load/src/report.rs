//! What a run found: plain data, ready for JSON.

use crate::{ErrorCounts, seconds};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The whole of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// In the plan's order.
    pub groups: Vec<GroupReport>,
    /// How well the driver itself did.
    pub driver: DriverReport,
}

impl Report {
    /// The group of that name.
    pub fn group(&self, name: &str) -> Option<&GroupReport> {
        self.groups.iter().find(|group| group.name == name)
    }
}

/// What one group found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroupReport {
    /// The plan's name for it.
    pub name: String,
    /// All its paths together.
    pub total: Total,
    /// Each of its paths, in the mix's order.
    pub paths: Vec<PathReport>,
    /// Answers per second of the connection that had the fewest. Taken from answer to answer, so that a few slow answers in a
    /// short run are not rounded to whole ones; a wait that outlasts the run counts as if it had ended with it.
    pub slowest_connection_per_second: f64,
    /// Where its connections were placed, if the plan asked for that.
    #[serde(default)]
    pub placement: Option<PlacementReport>,
}

impl GroupReport {
    /// The path, if the group's mix has it.
    pub fn path(&self, path: &str) -> Option<&Total> {
        self.paths.iter().find(|found| found.path == path).map(|found| &found.total)
    }
}

/// What became of a [`Placement`](crate::Placement).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlacementReport {
    /// The kernel's number of the thread that served all connections when the load began.
    pub thread: u32,
    /// Connections that were opened to find as many as were wanted.
    pub candidates: u32,
    /// Connections that had to be opened anew during the run. Those are not placed: if there are any, the load was not
    /// what the plan says.
    pub lost: u32,
    /// What each thread of the server used within the measured time, the busiest first. Threads that ended meanwhile are
    /// not in it.
    pub threads: Vec<ThreadReport>,
}

impl PlacementReport {
    /// CPU time of all threads of the server, within the measured time.
    pub fn cpu_time(&self) -> Duration {
        self.threads.iter().map(|used| used.cpu_time).sum()
    }

    /// The busiest thread's share of that: 1 where one thread did all the work; `None` if none did any.
    pub fn busiest_share(&self) -> Option<f64> {
        let busiest = self.threads.first()?.cpu_time.as_secs_f64();
        let all = self.cpu_time().as_secs_f64();
        (all > 0.0).then(|| busiest / all)
    }
}

/// What one thread of the server used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ThreadReport {
    /// The kernel's number.
    pub thread: u32,
    /// User and system time.
    #[serde(with = "seconds")]
    pub cpu_time: Duration,
}

/// What one path of a group found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PathReport {
    /// As in the mix.
    pub path: String,
    /// Its figures.
    pub total: Total,
}

/// Requests of one kind, counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Total {
    /// Requests that ended, answered or failed, after the warm-up.
    pub requests: u64,
    /// Of these, how many had a whole answer with a status of 2xx.
    pub answered: u64,
    /// The others.
    pub errors: ErrorCounts,
    /// Answers per second within the measured time.
    pub per_second: f64,
    /// Body bytes of the answers, without their framing.
    pub body_bytes: u64,
    /// Time from due to answered. Requests that timed out or had no answer are in it with the time they waited, which is
    /// the least it can have been; other errors are not.
    pub latency: Latency,
}

/// A distribution of times, to three significant digits; all zero where nothing was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Latency {
    /// How many times are in it.
    pub count: u64,
    /// The median.
    #[serde(with = "seconds")]
    pub p50: Duration,
    /// Nine in ten are at most this.
    #[serde(with = "seconds")]
    pub p90: Duration,
    /// 99 in a hundred.
    #[serde(with = "seconds")]
    pub p99: Duration,
    /// 999 in a thousand.
    #[serde(with = "seconds")]
    pub p99_9: Duration,
    /// 9,999 in ten thousand.
    #[serde(with = "seconds")]
    pub p99_99: Duration,
    /// The longest.
    #[serde(with = "seconds")]
    pub max: Duration,
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

    pub(crate) fn new(cpu_share: f64, cpu_wait_share: Option<f64>, schedule_error: Option<Latency>) -> Self {
        let late = schedule_error.is_some_and(|error| error.p99 > Self::SCHEDULE_ERROR_P99_MAX);
        let full = cpu_share > Self::CPU_SHARE_MAX;
        let shared = cpu_wait_share.is_some_and(|share| share > Self::CPU_WAIT_SHARE_MAX);
        let signs = [
            late.then_some(DriverLimit::SendsLate),
            full.then_some(DriverLimit::CpuFull),
            shared.then_some(DriverLimit::CpuShared),
        ];
        let limits = signs.into_iter().flatten().collect();
        Self { cpu_share, cpu_wait_share, schedule_error, limits }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_owns_up_to_being_the_limit() {
        let late = |ms| Some(Latency { p99: Duration::from_millis(ms), ..Latency::default() });
        assert_eq!(DriverReport::new(0.5, None, late(2)).limits, []);
        assert_eq!(DriverReport::new(0.5, None, late(3)).limits, [DriverLimit::SendsLate]);
        assert_eq!(DriverReport::new(0.96, Some(0.05), None).limits, [DriverLimit::CpuFull]);
        assert_eq!(DriverReport::new(0.5, Some(0.06), None).limits, [DriverLimit::CpuShared]);
    }
}
