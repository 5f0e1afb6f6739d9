//! Connections that move to another process and from one: the part of a listener and its threads in
//! [`upgrade`](crate::upgrade).
//!
//! A connection is its thread's, so the thread is asked, by a call as for anything else, and gives it away as soon as it can
//! move. Threads that wait alone hear one bell, all at once. What comes is given a thread when it needs one
//! ([`waiting`](super::waiting)).

use super::listener::Post;
use super::seat::{Calls, Seat};
use crate::config::ThreadsWake;
use crate::connection::Connection;
use crate::status::Counters;
use crate::sync::lock;
use crate::upgrade::turn_away;
use std::sync::Arc;

/// Seats that are looked at for a thread to be asked, at a time: the lock is held for it.
const SEATS_PER_LOOK: usize = 4096;
/// Threads that are asked at a time: each has to wake up, and then mostly ends.
const THREADS_PER_LOOK: usize = 4;

impl Post {
    /// Asks about so many threads for their connections.
    pub(super) fn let_go(self: &Arc<Self>, most: usize) {
        let alone = self.shared.config.threads_wake == ThreadsWake::Blocking;
        let seats: Vec<Arc<Seat>> = {
            let mut state = lock(&self.state);
            let (slots, most) = if alone { (usize::MAX, usize::MAX) } else { (SEATS_PER_LOOK, most) };
            let (found, at) = state.seats.find(state.looked_to, slots, most, |_| true);
            state.looked_to = at;
            found.into_iter().filter_map(|token| state.seats.peek(token).cloned()).collect()
        };
        let mut with_threads = self.let_go_without_threads(seats);
        with_threads.truncate(if alone { usize::MAX } else { THREADS_PER_LOOK });
        with_threads.iter().for_each(|seat| seat.poke(Calls::LEAVE));
        if alone {
            let _ = self.bell.wake();
        }
    }

    /// Takes in a connection of another process.
    pub(super) fn adopt(self: &Arc<Self>, connection: Connection) {
        if lock(&self.state).ended {
            return self.turns.add(&turn_away(connection, &self.shared));
        }
        if self.take_in(connection) {
            let counters = Counters::default();
            counters.moved_in.add(1);
            self.turns.add(&counters);
        }
    }

    /// Gives it a thread, if it needs one yet. `false`: there was none, and it is turned away.
    pub(super) fn take_in(self: &Arc<Self>, connection: Connection) -> bool {
        let now = self.shared.epoch.moment(self.shared.clock.now());
        self.settle(now);
        let is_gathered = !connection.is_idle();
        let left = self.wait_without_thread(connection, is_gathered);
        left.is_none_or(|connection| self.seat(connection, now))
    }
}
