//! Connections that move to another process and from one: the pool's part in [`upgrade`](crate::upgrade).
//!
//! ```text
//!   thread of the upgrade ── what it has, and what it wants ──▶ inbox ──▶ a worker, which is rung for: admits, gives away
//! ```
//!
//! That thread comes last, so it may lose the processor anywhere and be long in getting it back. If it held the pool's lock then, all workers
//! would wait for it. So it leaves what it has for them in an inbox, whose lock is held for a few instructions.

use super::Pool;
use super::worker::Worker;
use crate::connection::Connection;
use crate::status::Counters;
use crate::sync::lock;
use crate::upgrade::turn_away;
use corelay_poll::Interest;

/// What the workers are to do for an upgrade.
#[derive(Default)]
pub(super) struct Inbox {
    /// Connections of another process, and such as have not left after all.
    arrived: Vec<Connection>,
    /// How many connections are to be given away.
    wanted: usize,
    /// No worker looks in here any more.
    closed: bool,
}

impl Pool {
    /// Has a worker give away up to `most` connections. If none has come to it since it was last asked, they may all be in handlers that
    /// do not return; then it is done here, with their lock.
    pub(super) fn let_go(&self, most: usize) {
        let was_asked = {
            let inbox = &mut *lock(&self.inbox);
            let was_asked = inbox.wanted > 0;
            inbox.wanted = if was_asked { 0 } else { most };
            was_asked
        };
        if was_asked { self.give_away(most) } else { self.ring() }
    }

    fn give_away(&self, most: usize) {
        let kinds = self.shared.upgrade.kinds();
        let mut leaving = lock(&self.state).let_go(most, kinds);
        for connection in &mut leaving {
            // Who hears of it by its old token finds nothing.
            if let Err(error) = self.poller.delete(&connection.socket) {
                tracing::warn!(%error, "a connection could not be taken from its poller");
            }
            connection.registered = Interest::NONE;
        }
        // Before they are gone: who asks for the counts of all that has left must find them there.
        let counters = Counters::default();
        counters.moved_away.add(leaving.len() as u64);
        self.books.add(&counters);
        for connection in self.shared.upgrade.leave(leaving) {
            self.adopt(connection);
        }
    }

    pub(super) fn adopt(&self, connection: Connection) {
        let late = {
            let inbox = &mut *lock(&self.inbox);
            if inbox.closed {
                Some(connection)
            } else {
                inbox.arrived.push(connection);
                None
            }
        };
        match late {
            Some(connection) => self.books.add(&turn_away(connection, &self.shared)),
            None => self.ring(),
        }
    }
}

impl Worker {
    pub(super) fn look_into_inbox(&mut self) {
        let (arrived, wanted) = {
            let inbox = &mut *lock(&self.pool.inbox);
            (std::mem::take(&mut inbox.arrived), std::mem::take(&mut inbox.wanted))
        };
        if !arrived.is_empty() {
            self.turn.tally.counters.moved_in.add(arrived.len() as u64);
            let mut state = lock(&self.pool.state);
            arrived.into_iter().for_each(|connection| state.admit(connection));
        }
        if wanted > 0 {
            self.pool.give_away(wanted);
        }
    }

    /// All is done: what has come meanwhile has come too late.
    pub(super) fn close_inbox(&self) {
        let late = {
            let inbox = &mut *lock(&self.pool.inbox);
            inbox.closed = true;
            std::mem::take(&mut inbox.arrived)
        };
        for connection in late {
            self.pool.books.add(&turn_away(connection, &self.pool.shared));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

    use super::super::state::State;
    use super::*;
    use crate::books::Books;
    use crate::clock::{SystemClock, Tick};
    use crate::config::Config;
    use crate::connection::CloseReason;
    use crate::http::Router;
    use crate::service::{ServiceThreads, Terms};
    use crate::shared::Shared;
    use corelay_poll::{Poller, Waker};
    use std::os::unix::net::UnixStream;
    use std::sync::{Arc, Mutex, mpsc};
    use std::thread;
    use std::time::Duration;

    /// After so long somebody waits who must not.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// A pool without doors and workers.
    fn pool() -> Arc<Pool> {
        let terms =
            Terms { threads_max: 0, stack_bytes: 64 * 1024, idle: Duration::from_secs(1), cpus: Vec::new() };
        let (app, service) = (Router::new().finish().unwrap(), ServiceThreads::new(terms, None));
        let shared = Arc::new(Shared::new(app, Config::default(), Arc::new(SystemClock), service, 1));
        let (poller, waker) = (Poller::new().unwrap(), Waker::new().unwrap());
        let state = Mutex::new(State::new(&poller, Vec::new()).unwrap());
        Arc::new(Pool { poller, waker, state, inbox: Mutex::default(), shared, books: Books::default() })
    }

    fn connection(pool: &Pool) -> Connection {
        pool.shared.occupancy.move_in(None);
        Connection::new(UnixStream::pair().unwrap().0.into(), None, Tick(1))
    }

    #[test]
    fn an_upgrade_does_not_wait_for_who_has_the_lock() {
        let pool = pool();
        let state = lock(&pool.state);
        let (done, is_done) = mpsc::channel();
        let upgrade = pool.clone();
        thread::spawn(move || {
            upgrade.let_go(16);
            upgrade.adopt(connection(&upgrade));
            done.send(()).unwrap();
        });
        is_done.recv_timeout(PATIENCE).expect("it leaves all in the inbox");
        drop(state);
        let mut worker = Worker::new(pool.clone(), Arc::default());
        worker.look_into_inbox();
        assert_eq!(worker.turn.tally.counters.moved_in.read(), 1);
        assert_eq!(lock(&pool.inbox).wanted, 0, "it was looked for some to give away");
    }

    #[test]
    fn who_comes_when_all_is_done_is_turned_away() {
        let pool = pool();
        pool.adopt(connection(&pool));
        Worker::new(pool.clone(), Arc::default()).close_inbox();
        pool.adopt(connection(&pool));
        let sum = pool.books.sum();
        let closes = sum.core_status(0, None).closes;
        assert_eq!((sum.moved_in.read(), closes[CloseReason::Drain.name()]), (2, 2));
        assert_eq!(pool.shared.occupancy.open(), 0);
    }
}
