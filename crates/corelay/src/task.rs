//! What engines give service threads to do, and how they hear of it.

use crate::connection::{CloseReason, Connection, Job};
use crate::core::StandIn;
use crate::http::panics::caught;
use crate::service::{Duty, Work};
use crate::shared::Shared;
use crate::tally::Tally;
use corelay_poll::Token;
use std::net::SocketAddr;
use std::sync::Arc;

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
}

impl Assignment {
    fn run(self) -> (Duty, Box<dyn FnOnce()>) {
        let home = self.home.clone();
        let (duty, outcome) = self.finish();
        (duty, Box::new(move || home.hear(outcome)))
    }

    /// Does the work on the calling thread, which may wait; what to tell the connection's home when it is done.
    pub(crate) fn finish(self) -> (Duty, Outcome) {
        let Self { token, connection, job, server, .. } = self;
        let peer = connection.peer;
        let mut tally = Tally::exact(server.clock.clone(), server.epoch.moment(server.clock.now()));
        // Where a user's value is dropped out of turn, for a peer that is gone, its panic ends here.
        let ended = caught(|| job.run(connection, &server, &mut tally));
        let outcome = match ended.unwrap_or(Err(CloseReason::Internal)) {
            Ok(connection) => Outcome::Home(token, connection),
            Err(reason) => Outcome::Gone(token, peer, reason),
        };
        tally.counters.add_to(&server.service_counters);
        (if tally.has_yielded() { Duty::End } else { Duty::StandBy }, outcome)
    }
}
