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
    /// do not return; then it is done here, for nobody waits for the lock.
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
    #[cold]
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
