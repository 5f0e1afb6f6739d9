//! What a run found: plain data, ready for JSON.

use crate::{Distribution, ErrorCounts, seconds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

mod driver;
mod merge;

pub(crate) use driver::Used;
pub use driver::{DriverLimit, DriverReport};

/// The whole of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// In the plan's order.
    pub groups: Vec<GroupReport>,
    /// How well the driver itself did.
    pub driver: DriverReport,
    /// Whether it went on to its end: otherwise the figures are of a part of it.
    #[serde(default)]
    pub ending: Ending,
    /// The failures for which it was given up, those of the warm-up among them; all zero otherwise.
    #[serde(default)]
    pub given_up_for: ErrorCounts,
    /// How long was measured: the plan's duration, or less.
    #[serde(default, with = "seconds")]
    pub measured: Duration,
    /// The beginning of the first bytes that were no answer, escaped; `None` if there were none.
    #[serde(default)]
    pub first_garbage: Option<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Ending {
    /// As the plan said.
    #[default]
    AsPlanned,
    /// Whoever watched it had seen enough: [`run_watched`](crate::run_watched).
    Stopped,
    /// Requests failed and none was answered, for as long as [`Plan::give_up`](crate::Plan::give_up) says.
    GaveUp,
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
    /// Whole answers after the warm-up, by status.
    #[serde(default)]
    pub statuses: BTreeMap<u16, u64>,
    /// Calls that failed after the warm-up, by the code of their error, such as `out_of_range`.
    #[serde(default)]
    pub codes: BTreeMap<String, u64>,
    /// Bytes that were received within the measured time, heads and framing among them.
    #[serde(default)]
    pub received_bytes: u64,
    /// What [`Total::latency`] is the summary of.
    #[serde(default)]
    pub distribution: Distribution,
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
    /// The requests of that label, if the group's mix has them.
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
    /// As in the mix: the path, with the method before it unless that is GET.
    pub path: String,
    /// Its figures.
    pub total: Total,
    /// What [`Total::latency`] is the summary of.
    #[serde(default)]
    pub distribution: Distribution,
}

/// Requests of one kind, counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Total {
    /// Requests that ended, answered or failed, after the warm-up.
    pub requests: u64,
    /// Of these, how many had a whole answer with a status of 2xx, and of calls no error.
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
    /// Three in four are at most this.
    #[serde(default, with = "seconds")]
    pub p75: Duration,
    /// Nine in ten.
    #[serde(with = "seconds")]
    pub p90: Duration,
    /// 99 in a hundred.
    #[serde(with = "seconds")]
    pub p99: Duration,
    /// 999 in a thousand.
    #[serde(with = "seconds")]
    pub p99_9: Duration,
    /// 9,999 in ten thousand.
    #[serde(default, with = "seconds")]
    pub p99_99: Duration,
    /// The longest.
    #[serde(with = "seconds")]
    pub max: Duration,
    /// The mean, which says little of a distribution with a long tail.
    #[serde(default, with = "seconds")]
    pub mean: Duration,
}

impl Latency {
    /// All but the count, by the names that people use.
    pub fn named(&self) -> [(&'static str, Duration); 8] {
        [
            ("p50", self.p50),
            ("p75", self.p75),
            ("p90", self.p90),
            ("p99", self.p99),
            ("p99.9", self.p99_9),
            ("p99.99", self.p99_99),
            ("max", self.max),
            ("mean", self.mean),
        ]
    }
}
