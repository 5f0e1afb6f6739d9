//! A worker: takes one thing out of the pool, serves it, puts it back, again; sleeps in the shared poller when there is
//! nothing.

use super::state::Work;
use super::{Pool, WAKER};
use crate::connection::{CloseReason, Connection, Job, Next, Turn};
use crate::core::Tenure;
use crate::door::{Door, take_in};
use crate::pressure::Report;
use crate::protocol::Place;
use crate::sync::lock;
use crate::task::{Assignment, Task};
use corelay_poll::{Events, Interest, Token, Trigger};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Events taken from the kernel at a time.
const EVENTS_PER_WAIT: usize = 64;
/// Connections accepted in one turn of a door, before others are served.
const ACCEPTS_PER_TURN: usize = 64;

pub(super) struct Worker {
    pub(super) pool: Arc<Pool>,
    pub(super) turn: Turn,
    /// Whether work that waits for too long is refused.
    sheds: bool,
}

impl Worker {
    /// A worker that counts in the books of `tenure`.
    pub(super) fn new(pool: Arc<Pool>, tenure: Arc<Tenure>) -> Self {
        let mut turn = Turn::new(&pool.shared, tenure);
        // A handler that waits makes its worker wait: what this engine is there to show.
        turn.tally = turn.tally.without_learning();
        let sheds = pool.shared.pressure(0).is_some();
        Self { pool, turn, sheds }
    }

    /// Works until all is drained or stopped.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_PER_WAIT);
        loop {
            let (work, ring) = {
                let mut state = lock(&self.pool.state);
                let work = state.next();
                (work, state.wants_another_worker())
            };
            if ring {
                self.pool.ring();
            }
            match work {
                Work::End => return self.close_inbox(),
                Work::Sleep | Work::LookAround => {
                    if let Err(error) = self.wait(&mut events, matches!(work, Work::Sleep)) {
                        tracing::error!(%error, "the pool's poller failed");
                        return;
                    }
                }
                work => self.work(work),
            }
        }
    }

    fn wait(&mut self, events: &mut Events, sleep: bool) -> io::Result<()> {
        let began = self.sheds.then(|| self.pool.shared.clock.now());
        self.pool.poller.wait(events, if sleep { None } else { Some(Duration::ZERO) })?;
        self.turn.tally.counters.wake_ups.add(1);
        if events.iter().any(|event| event.token() == WAKER) {
            self.pool.waker.acknowledge();
            self.pool.poller.modify(&self.pool.waker, WAKER, Interest::READ, Trigger::OneShot)?;
            self.look_into_inbox();
        }
        let reported = events.iter().map(|event| event.token()).filter(|token| *token != WAKER);
        lock(&self.pool.state).report(sleep, reported);
        if let Some(began) = began {
            self.report(events.len(), began);
        }
        Ok(())
    }

    /// What has come since the last report has waited for its turn ever since, but for the time that the worker slept.
    #[cold]
    fn report(&self, events: usize, wait_began: Instant) {
        let server = &self.pool.shared;
        let Some(pressure) = server.pressure(0) else { return };
        let [before, now] = [wait_began, server.clock.now()].map(|at| server.epoch.moment(at).nanos);
        let (full, open) = (events == EVENTS_PER_WAIT, server.occupancy.open());
        pressure.report(Report { now, events, full, idle: now.saturating_sub(before), open });
    }

    /// Does it at the present time: what was done before may have taken long.
    fn work(&mut self, work: Work) {
        self.turn.begin(&self.pool.shared);
        if let Some(pressure) = self.pool.shared.pressure(0) {
            let late = pressure.is_late(self.turn.now.nanos);
            self.turn.is_late(late, &self.pool.shared);
        }
        match work {
            Work::Serve(token, mut connection) => {
                connection.host(&self.pool.shared, || Place { home: self.pool.clone(), token });
                let next = connection.look(&mut self.turn, &self.pool.shared);
                self.conclude(token, connection, next);
            }
            Work::Expire(token, connection) => self.end_of_time(token, connection),
            Work::CountOut(token, peer, reason) => self.count_out(token, peer, reason),
            Work::CutOff(token, connection) => self.close(token, connection, CloseReason::CutOff),
            Work::LetIn { index, door, last } => self.let_in(index, door, last),
            Work::LookAtDeadlines => {
                let now = self.turn.now.tick;
                lock(&self.pool.state).look_at_deadlines(now, &self.pool.poller, &self.pool.shared);
            }
            Work::Sleep | Work::LookAround | Work::End => {}
        }
    }

    /// Puts a connection where it waits for what it needs next.
    fn conclude(&mut self, token: Token, mut connection: Connection, next: Next) {
        let interest = match next {
            Next::Read => Some(Interest::READ),
            Next::Write => Some(Interest::WRITE),
            // Armed for one report as it was, it is silent once that has come.
            Next::Again | Next::Mail { .. } => None,
            Next::Close(reason) => return self.close(token, connection, reason),
            Next::Service(job) => return self.relay(token, connection, job),
        };
        if let Some(interest) = interest
            && let Err(error) = self.arm(token, &mut connection, interest)
        {
            tracing::warn!(%error, "a connection could not be watched");
            return self.close(token, connection, CloseReason::Internal);
        }
        let again = matches!(next, Next::Again);
        lock(&self.pool.state).put_back(token, connection, again, &self.pool.shared);
    }

    /// Has the poller report it once more. From here on another worker may ask for it.
    fn arm(&self, token: Token, connection: &mut Connection, interest: Interest) -> io::Result<()> {
        let poller = &self.pool.poller;
        if connection.registered == Interest::NONE {
            poller.add(&connection.socket, token, interest, Trigger::OneShot)?;
        } else {
            poller.modify(&connection.socket, token, interest, Trigger::OneShot)?;
        }
        connection.registered = interest;
        Ok(())
    }

    /// Deletes before it closes: the poller knows the open file, not the descriptor.
    fn unregister(&self, connection: &mut Connection) {
        if connection.registered != Interest::NONE {
            connection.registered = Interest::NONE;
            if let Err(error) = self.pool.poller.delete(&connection.socket) {
                tracing::warn!(%error, "a connection could not be taken from its poller");
            }
        }
    }

    fn close(&mut self, token: Token, mut connection: Connection, reason: CloseReason) {
        self.unregister(&mut connection);
        let peer = connection.peer;
        // An unfinished answer may hold a user's iterator, whose drop is user code.
        connection.end(reason, &mut self.turn.tally);
        self.count_out(token, peer, reason);
    }

    fn count_out(&mut self, token: Token, peer: Option<SocketAddr>, reason: CloseReason) {
        self.turn.tally.counters.count_close(reason);
        self.pool.shared.occupancy.leave(peer);
        lock(&self.pool.state).release(token);
    }

    /// Relays a connection to a service thread. Its slot is kept for its return.
    #[cold]
    fn relay(&mut self, token: Token, mut connection: Connection, job: Box<Job>) {
        if job.may_be_shed() && self.pool.shared.is_crowded(self.turn.now.nanos) {
            let next = connection.turn_away(job, &mut self.turn, &self.pool.shared);
            return self.conclude(token, connection, next);
        }
        self.unregister(&mut connection);
        lock(&self.pool.state).send_away(token);
        let (home, server) = (self.pool.clone(), self.pool.shared.clone());
        let assigned_nanos = self.turn.now.nanos;
        let assignment = Assignment { token, connection, job, home, server, assigned_nanos };
        match self.pool.shared.service.assign(Task::Connection(assignment)) {
            Ok(()) => self.turn.tally.counters.connection_relays.add(1),
            Err(Task::Connection(Assignment { mut connection, job, .. })) => {
                self.pool.shared.door.no_service_thread.add_shared(1);
                let next = connection.turn_away(job, &mut self.turn, &self.pool.shared);
                self.conclude(token, connection, next);
            }
            Err(Task::StandIn(_)) => {}
        }
    }

    /// One turn of a door. The last one takes in as many as the kernel's queue holds: who comes later has come too late.
    fn let_in(&mut self, index: usize, mut door: Door, last: bool) {
        let (poller, server) = (&self.pool.poller, &self.pool.shared);
        let accepts = if last { server.config.sockets.backlog as usize } else { ACCEPTS_PER_TURN };
        for _ in 0..accepts {
            let Some(arrival) = door.accept(poller, self.turn.now, server) else { break };
            if take_in(&arrival, self.turn.now.tick, server) {
                self.turn.tally.counters.accepted.add(1);
                let deadline = self.turn.now.tick.after(server.ticks.head);
                lock(&self.pool.state).admit(Connection::arriving(arrival, deadline));
            }
        }
        if last {
            door.close(poller);
            lock(&self.pool.state).count_closed_door();
        } else {
            lock(&self.pool.state).return_door(index, door, poller, server);
        }
    }

    /// The deadline of a connection has come, unless it was moved just now.
    fn end_of_time(&mut self, token: Token, mut connection: Connection) {
        if connection.deadline > self.turn.now.tick {
            return lock(&self.pool.state).put_back(token, connection, false, &self.pool.shared);
        }
        let next = connection.expired(&mut self.turn, &self.pool.shared);
        self.conclude(token, connection, next);
    }
}
