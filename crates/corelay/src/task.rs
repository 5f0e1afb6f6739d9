//! What engines give service threads to do, and how they hear of it.

use crate::connection::{CloseReason, Connection, Job};
use crate::core::StandIn;
use crate::http::panics::caught;
use crate::pressure::nanos;
use crate::service::{Duty, Work};
use crate::shared::Shared;
use crate::tally::Tally;
use corelay_poll::Token;
use corelay_poll::thread::{self, Probe};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A piece of work.
pub(crate) enum Task {
    /// A connection's.
    Connection(Assignment),
    /// A core itself, to be taken.
    StandIn(StandIn),
}

impl Work for Task {
    fn run(self) -> (Duty, impl FnOnce()) {
        match self {
            Self::Connection(assignment) => assignment.run(),
            Self::StandIn(stand_in) => stand_in.run(),
        }
    }
}

/// Where a connection belongs, and its slot is kept, while it is on a service thread.
pub(crate) trait Home: Send + Sync {
    fn hear(&self, outcome: Outcome);
}

/// What became of a connection on a service thread.
pub(crate) enum Outcome {
    /// It goes on.
    Home(Token, Connection),
    /// It is closed.
    Gone(Token, Option<SocketAddr>, CloseReason),
}

/// A connection on its way to a service thread, and the way home.
pub(crate) struct Assignment {
    pub(crate) token: Token,
    pub(crate) connection: Connection,
    pub(crate) job: Box<Job>,
    pub(crate) home: Arc<dyn Home>,
    pub(crate) server: Arc<Shared>,
    /// When it was decided that it goes.
    pub(crate) assigned_nanos: u64,
}

impl Assignment {
    fn run(self) -> (Duty, Box<dyn FnOnce()>) {
        let home = self.home.clone();
        let (duty, outcome) = self.finish();
        (duty, Box::new(move || home.hear(outcome)))
    }

    /// Does the work on the calling thread, which may wait; what to tell the connection's home when it is done.
    pub(crate) fn finish(self) -> (Duty, Outcome) {
        let Self { token, connection, job, server, assigned_nanos, .. } = self;
        let peer = connection.peer;
        let began = server.epoch.moment(server.clock.now());
        let delay =
            server.service.concurrency().map(|_| Delay::begin(began.nanos - assigned_nanos.min(began.nanos)));
        let mut tally = Tally::exact(server.clock.clone(), began);
        // Where a user's value is dropped out of turn, for a peer that is gone, its panic ends here.
        let ended = caught(|| job.run(connection, &server, &mut tally));
        let outcome = match ended.unwrap_or(Err(CloseReason::Internal)) {
            Ok(connection) => Outcome::Home(token, connection),
            Err(reason) => Outcome::Gone(token, peer, reason),
        };
        tally.counters.add_to(&server.service_counters);
        if let (Some(delay), Some(concurrency)) = (delay, server.service.concurrency()) {
            concurrency.done(delay.end(), server.epoch.moment(server.clock.now()).nanos);
        }
        (if tally.has_yielded() { Duty::End } else { Duty::StandBy }, outcome)
    }
}

/// How long a piece of work waits against its will: for its thread, and then for a processor.
struct Delay {
    until_begun: u64,
    probe: Option<Probe>,
    run_queue_before: Duration,
}

impl Delay {
    /// On the thread that does the work.
    fn begin(until_begun: u64) -> Self {
        let probe = Probe::of(thread::current()).ok();
        let run_queue_before = in_run_queue(probe.as_ref());
        Self { until_begun, probe, run_queue_before }
    }

    /// The work is done: nanoseconds in all.
    fn end(&self) -> u64 {
        let in_run_queue = in_run_queue(self.probe.as_ref()).saturating_sub(self.run_queue_before);
        self.until_begun.saturating_add(nanos(in_run_queue))
    }
}

/// Where nobody tells, it is not counted.
fn in_run_queue(probe: Option<&Probe>) -> Duration {
    probe.and_then(|probe| probe.scheduled().ok()).unwrap_or_default().waited
}
