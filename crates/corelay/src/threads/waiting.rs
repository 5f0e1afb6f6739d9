//! Connections that wait without a thread: those of another process, which has none to give along.
//!
//! ```text
//!   adopted, between two messages ─▶ a seat with a connection and no thread
//!                                       │
//!              claimed: once, by whoever comes first
//!                                       ├─ the listener, which has something to tell ─▶ a thread is started for it
//!                                       └─ the next upgrade ─▶ it moves on
//! ```
//!
//! An upgrade takes over thousands of connections within milliseconds, most of which have nothing to say meanwhile. A thread for each
//! at once would keep the processors from those that have. Deliberately absent: this behind a [gate](super::gate), where a seat is counted
//! in before its thread wakes; there each connection has a thread at once.

use super::listener::Post;
use super::seat::{Calls, Mail, Seat};
use crate::connection::Connection;
use crate::status::Counters;
use crate::sync::lock;
use corelay_poll::{Interest, Trigger};
use std::sync::Arc;

impl Post {
    /// Watches a connection for which there is nothing to do before its peer says something. Given back: it needs a thread.
    pub(super) fn wait_without_thread(self: &Arc<Self>, mut connection: Connection) -> Option<Connection> {
        let needs_thread = self.wakes_itself() || self.shared.hosted.is_some() || !self.gate.is_open();
        if needs_thread || !connection.is_idle() {
            return Some(connection);
        }
        let seat = {
            let mut state = lock(&self.state);
            if state.ended {
                return Some(connection);
            }
            let token = state.seats.reserve();
            // Under the lock: it is told once, and who is told looks the seat up under the lock.
            if let Err(error) = self.poller.add(&connection.socket, token, Interest::READ, Trigger::Edge) {
                tracing::warn!(%error, "a connection could not be watched");
                state.seats.release(token);
                return Some(connection);
            }
            connection.registered = Interest::READ;
            let deadline = connection.deadline;
            let seat = Arc::new(Seat::without_thread(Mail { token, connection }, &self.gate));
            let _ = state.seats.put_back(token, seat.clone());
            if seat.publish(deadline) {
                seat.is_watched(deadline);
                state.alarm.watch(token.slot(), deadline, &self.shared);
            }
            seat
        };
        // Either the drain finds it among the others, or this sees that it drains.
        if self.shared.is_draining() {
            seat.poke(Calls::LOOK);
            self.start_if_needed(&seat);
        }
        None
    }

    /// Starts a thread for the connection of `seat`, which was told something, if it waits without one.
    pub(super) fn start_if_needed(self: &Arc<Self>, seat: &Arc<Seat>) {
        if seat.claim() {
            self.start_late(seat);
        }
    }

    /// The same once it is claimed.
    #[cold]
    pub(super) fn start_late(self: &Arc<Self>, seat: &Arc<Seat>) {
        let Err(limit) = self.spawn(seat) else { return };
        if let Some(connection) = self.take_out(seat) {
            let now = self.shared.epoch.moment(self.shared.clock.now());
            self.turn_away(&connection, now.tick, limit);
        }
    }

    /// Has the connections of these seats that wait without a thread move to another process: they need none for it. The seats
    /// of the others.
    pub(super) fn let_go_without_threads(self: &Arc<Self>, seats: Vec<Arc<Seat>>) -> Vec<Arc<Seat>> {
        let kinds = self.shared.upgrade.kinds();
        let (without, with): (Vec<_>, Vec<_>) = seats.into_iter().partition(|seat| seat.claim());
        let (leaving, staying): (Vec<Connection>, Vec<Connection>) = without
            .iter()
            .filter_map(|seat| self.take_out(seat))
            .partition(|connection| connection.is_movable(kinds));
        for connection in staying {
            self.take_in(connection);
        }
        if leaving.is_empty() {
            return with;
        }
        let counters = Counters::default();
        // Before they are gone: who asks for the counts of all that has left must find them there.
        counters.moved_away.add(leaving.len() as u64);
        self.turns.add(&counters);
        // Given back: the upgrade is off.
        for back in self.shared.upgrade.leave(leaving) {
            self.adopt(back);
        }
        with
    }

    /// The connection of a seat that was claimed, in no poller any more, and its slot free.
    fn take_out(&self, seat: &Seat) -> Option<Connection> {
        let Mail { token, mut connection } = seat.mail()?;
        connection.registered = Interest::NONE;
        if let Err(error) = self.poller.delete(&connection.socket) {
            tracing::warn!(%error, "a connection could not be taken from its poller");
        }
        self.free(seat, token);
        Some(connection)
    }
}
