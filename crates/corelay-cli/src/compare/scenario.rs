//! What is asked of the servers: named scenarios, each of one or two cases, and the load of each case.
//!
//! A load is a plan of corelay-load's. What a table shows of it are the requests that matter ([`Case::plain`]): beside
//! sleepers, those that do not sleep.
//!
//! Deliberately absent: settings for every number. A scenario that two people run is one that they can talk about.

use std::net::SocketAddr;
use std::time::Duration;

use corelay_load::{Group, GroupReport, Mix, Pace, Placement, Plan, Report, Request, Total};

/// What `compare` takes for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scenario {
    KeepAlive,
    Pipelined,
    Churn,
    Paced,
    Idle,
    Blocking,
    Skew,
    MixedCost,
}

/// One load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    KeepAlive,
    Pipelined,
    ChurnOfOne,
    ChurnOfTen,
    Paced,
    Idle,
    Blocking,
    Skew,
    MixedCost,
}

/// What the load depends on besides.
pub(super) struct Setting {
    /// Connections of the group that matters; `None`: the case's own number.
    pub(super) connections: Option<u32>,
    pub(super) duration: Duration,
    /// The path of plain requests, where the server has one of its own.
    pub(super) path: Option<String>,
    /// Whether plain requests are calls.
    pub(super) rpc: bool,
    /// CPUs of the server: a rate is for each.
    pub(super) cpus: usize,
    /// The process whose threads can be told apart, to place connections on one.
    pub(super) place_on: Option<u32>,
}

/// Requests a second of each paced connection, as in the experiment that `paced` repeats.
const PACE_PER_SECOND: f64 = 5.0;
/// Requests sent before an answer must have come.
const PIPELINE_DEPTH: u32 = 16;
/// Connections whose handlers sleep, and for how long.
const SLEEPERS: u32 = 8;
const SLEEP: &str = "/sleep/100";
/// Requests a second beside them, of all plain connections together.
const BESIDE_SLEEPERS_PER_SECOND: f64 = 2_000.0;
/// A handler that burns 200 µs of CPU time: the server's thread is to be full, and not the driver.
const HOT: &str = "/spin/200";
/// One request in twenty burns a millisecond; a CPU is then about a third full at this rate.
const MIXED_PER_SECOND: f64 = 6_000.0;
const DEAR: &str = "/spin/1000";
const CHEAP: &str = "/plaintext";

/// What is called with `--rpc`: one number, as `/random` gives it.
pub(super) const CALL: &str = "corelay.demo.v1.RandomService/Draw";
const MESSAGE: &str = r#"{"count":1,"max":100}"#;

/// How long answers that are still out are waited for: a second late is late, and no error.
const DRAIN: Duration = Duration::from_secs(3);

impl Scenario {
    pub(super) const ALL: [Self; 8] = [
        Self::KeepAlive,
        Self::Pipelined,
        Self::Churn,
        Self::Paced,
        Self::Idle,
        Self::Blocking,
        Self::Skew,
        Self::MixedCost,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::KeepAlive => "keepalive",
            Self::Pipelined => "pipelined",
            Self::Churn => "churn",
            Self::Paced => "paced",
            Self::Idle => "idle",
            Self::Blocking => "blocking",
            Self::Skew => "skew",
            Self::MixedCost => "mixed-cost",
        }
    }

    /// Those whose requests may be calls; in the others it matters how long a handler takes, or nothing is asked.
    pub(super) const WITH_RPC: [Self; 4] = [Self::KeepAlive, Self::Pipelined, Self::Churn, Self::Paced];

    pub(super) fn cases(self) -> &'static [Case] {
        match self {
            Self::KeepAlive => &[Case::KeepAlive],
            Self::Pipelined => &[Case::Pipelined],
            Self::Churn => &[Case::ChurnOfOne, Case::ChurnOfTen],
            Self::Paced => &[Case::Paced],
            Self::Idle => &[Case::Idle],
            Self::Blocking => &[Case::Blocking],
            Self::Skew => &[Case::Skew],
            Self::MixedCost => &[Case::MixedCost],
        }
    }
}

impl Case {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::KeepAlive => "keepalive",
            Self::Pipelined => "pipelined",
            Self::ChurnOfOne => "churn-1",
            Self::ChurnOfTen => "churn-10",
            Self::Paced => "paced",
            Self::Idle => "idle",
            Self::Blocking => "blocking",
            Self::Skew => "skew",
            Self::MixedCost => "mixed-cost",
        }
    }

    /// The load in a sentence.
    pub(super) fn told(self, connections: Option<u32>) -> String {
        let count = connections.unwrap_or(self.connections());
        match self {
            Self::KeepAlive => format!("{count} connections, each asks again when it has its answer"),
            Self::Pipelined => format!("{count} connections, {PIPELINE_DEPTH} requests out on each"),
            Self::ChurnOfOne => format!("{count} at a time, a new connection for each request"),
            Self::ChurnOfTen => format!("{count} at a time, a new connection for every ten requests"),
            Self::Paced => {
                format!(
                    "{count} connections, {PACE_PER_SECOND} requests a second each, whatever the server does"
                )
            }
            Self::Idle => format!("Up to {count} connections that have asked once and are kept open"),
            Self::Blocking => format!(
                "{count} connections, {BESIDE_SLEEPERS_PER_SECOND} requests a second in all, beside {SLEEPERS} whose handler \
                 sleeps for 100 ms; figures are of those that do not sleep"
            ),
            Self::Skew => format!(
                "{count} busy connections, all on one core where the server has cores; each request burns 200 µs of CPU time"
            ),
            Self::MixedCost => format!(
                "{count} connections, at random moments {MIXED_PER_SECOND} requests a second for each CPU of the server; one in \
                 twenty burns 1 ms of CPU time; figures are of the others"
            ),
        }
    }

    /// Whether requests fall due at moments of their own, so that latency says what a user would have waited.
    pub(super) fn is_open_loop(self) -> bool {
        matches!(self, Self::Paced | Self::Blocking | Self::MixedCost)
    }

    /// Whether a connection asks when it has its answer, and what a user would have waited is not known.
    pub(super) fn is_closed_loop(self) -> bool {
        !self.is_open_loop() && self != Self::Idle
    }

    /// Connections of the group that matters.
    fn connections(self) -> u32 {
        match self {
            Self::Paced | Self::Idle => 10_000,
            Self::Blocking => 32,
            Self::Skew => 16,
            _ => 64,
        }
    }

    /// The same, as it was asked for.
    pub(super) fn connections_of(self, setting: &Setting) -> u32 {
        setting.connections.unwrap_or(self.connections())
    }

    /// Load before the measured time: threads touch their stacks in it, routes that block are learnt, work is balanced.
    pub(super) fn warm_up(self, setting: &Setting) -> Duration {
        let full = match self {
            Self::Idle => return Duration::ZERO,
            Self::Skew => Duration::from_millis(2_500),
            Self::Paced => Duration::from_millis(1_500),
            _ => Duration::from_secs(1),
        };
        // A run that is only to show that all is well need not be warm for longer than it lasts.
        full.min(setting.duration.max(Duration::from_millis(100)))
    }

    /// How long a run, or of `idle` a step, is measured: what memory is held does not change with time.
    fn duration(self, setting: &Setting) -> Duration {
        match self {
            Self::Idle => setting.duration.min(Duration::from_secs(1)),
            _ => setting.duration,
        }
    }

    /// What a server must answer to be measured.
    pub(super) fn requests(self, setting: &Setting) -> Vec<Request> {
        let besides = match self {
            Self::Blocking => Some(SLEEP),
            Self::MixedCost => Some(DEAR),
            _ => None,
        };
        std::iter::once(self.plain_request(setting)).chain(besides.map(Request::of_path)).collect()
    }

    fn plain_request(self, setting: &Setting) -> Request {
        if !setting.rpc {
            return Request::of_path(&self.plain_path(setting));
        }
        let path = setting.path.clone().unwrap_or_else(|| format!("/{CALL}"));
        Request::call(&path, "application/json", MESSAGE.as_bytes())
    }

    fn plain_path(self, setting: &Setting) -> String {
        let own = match self {
            Self::Paced => "/random",
            Self::Skew => return HOT.to_owned(),
            _ => CHEAP,
        };
        setting.path.clone().unwrap_or_else(|| own.to_owned())
    }

    /// The whole load.
    pub(super) fn plan(self, address: SocketAddr, host: &str, setting: &Setting) -> Plan {
        let mut plan = Plan::new(address);
        host.clone_into(&mut plan.host);
        (plan.warm_up, plan.duration, plan.drain) = (self.warm_up(setting), self.duration(setting), DRAIN);
        plan.groups = self.groups_of(self.connections_of(setting), setting);
        plan
    }

    /// The groups, that of plain requests with this many connections.
    pub(super) fn groups_of(self, count: u32, setting: &Setting) -> Vec<Group> {
        let mix = Mix::of([(self.plain_request(setting), 1)]);
        let closed = || Group::closed("plain", count, mix.clone());
        match self {
            Self::KeepAlive => vec![closed()],
            Self::Pipelined => {
                let mut group = closed();
                group.pipeline = PIPELINE_DEPTH;
                vec![group]
            }
            Self::ChurnOfOne | Self::ChurnOfTen => {
                let mut group = closed();
                group.requests_per_connection = Some(if self == Self::ChurnOfOne { 1 } else { 10 });
                vec![group]
            }
            Self::Paced => vec![Group::open("plain", count, f64::from(count) * PACE_PER_SECOND, mix)],
            Self::Idle => {
                vec![Group::open(
                    "plain",
                    count,
                    f64::from(count) / self.duration(setting).as_secs_f64(),
                    mix,
                )]
            }
            Self::Blocking => vec![
                Group::open("plain", count, BESIDE_SLEEPERS_PER_SECOND, mix),
                Group::closed("sleepers", SLEEPERS, Mix::only(SLEEP)),
            ],
            Self::Skew => {
                let mut hot = closed();
                hot.placement = setting.place_on.map(|process| Placement::new(process, CHEAP));
                vec![hot]
            }
            Self::MixedCost => {
                let rate = MIXED_PER_SECOND * setting.cpus as f64;
                let mix = Mix::weighted([(self.plain_path(setting).as_str(), 95), (DEAR, 5)]);
                vec![Group::new("plain", count, Pace::Poisson { requests_per_second: rate }, mix)]
            }
        }
    }

    /// Of what was found, the requests that the table is about.
    pub(super) fn plain<'r>(self, report: &'r Report, setting: &Setting) -> Option<&'r Total> {
        let group: &GroupReport = report.group("plain")?;
        match self {
            Self::MixedCost => group.path(&self.plain_path(setting)),
            _ => Some(&group.total),
        }
    }
}
