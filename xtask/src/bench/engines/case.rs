//! What is measured: an engine under a load, and how each is started.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use corelay_load::{Group, Mix, Plan};

use crate::bench::servers::words;
use crate::bench::tools::Tools;

/// What is asked for: a little work of the kind an RPC does.
const PATH: &str = "/random";

/// Requests a second of each connection, where they are paced.
pub(super) const PACE_PER_SECOND: f64 = 5.0;

/// Before the measured time: threads touch their stacks and allocators grow in it.
pub(super) const WARM_UP: Duration = Duration::from_millis(1_500);

/// How long answers that are still out are waited for: a second late is late, and no error.
const DRAIN: Duration = Duration::from_secs(3);

/// An engine, with what wakes its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Cores,
    Threads,
    Pool,
    /// `threads` whose threads wait for their sockets themselves.
    ThreadsBlocking,
}

/// When a request is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// When the answer before it has come.
    KeepAlive,
    /// At moments that are evenly spread.
    Paced,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) engine: Engine,
    pub(super) connections: u32,
    pub(super) pace: Pace,
}

impl Engine {
    /// In the order of a round.
    pub(super) const ALL: [Self; 4] = [Self::Cores, Self::Threads, Self::Pool, Self::ThreadsBlocking];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cores => "cores",
            Self::Threads => "threads",
            Self::Pool => "pool",
            Self::ThreadsBlocking => "threads-blocking",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// The server as it starts by default, on all CPUs. It is not waited for when it ends: all its connections are idle then.
    pub(super) fn command(self, tools: &Tools, address: &str) -> Result<Vec<String>> {
        let engine: &[&str] = match self {
            Self::ThreadsBlocking => &["threads", "--threads-wake", "blocking"],
            _ => &[self.name()],
        };
        let program = tools.program("corelay")?;
        let rest = ["--drain", "0s", "--listen", address];
        Ok(words(&[&[program.as_str(), "serve", "--engine"], engine, &rest[..]].concat()))
    }
}

impl Pace {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::KeepAlive => "keepalive",
            Self::Paced => "paced",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::KeepAlive, Self::Paced].into_iter().find(|pace| pace.name() == name)
    }
}

impl Case {
    /// The load of it.
    pub(super) fn plan(self, address: SocketAddr, duration: Duration) -> Plan {
        let (connections, mix) = (self.connections, Mix::only(PATH));
        let group = match self.pace {
            Pace::KeepAlive => Group::closed(self.pace.name(), connections, mix),
            Pace::Paced => {
                Group::open(self.pace.name(), connections, f64::from(connections) * PACE_PER_SECOND, mix)
            }
        };
        let mut plan = Plan::new(address);
        (plan.warm_up, plan.duration, plan.drain) = (WARM_UP, duration, DRAIN);
        plan.groups.push(group);
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_a_plan_that_can_be_carried_out() {
        for pace in [Pace::KeepAlive, Pace::Paced] {
            let case = Case { engine: Engine::Cores, connections: 10_000, pace };
            let plan = case.plan(([127, 0, 0, 1], 80).into(), Duration::from_secs(1));
            assert!(plan.check().is_ok(), "{pace:?}");
        }
    }

    #[test]
    fn names_lead_back() {
        assert!(Engine::ALL.into_iter().all(|engine| Engine::named(engine.name()) == Some(engine)));
        assert_eq!((Engine::named("async"), Pace::named("paced")), (None, Some(Pace::Paced)));
    }
}
