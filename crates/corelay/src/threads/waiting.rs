//! Connections that wait without a thread: those of another process, which has none to give along, new ones that have said nothing, and
//! those whose messages come in small pieces.
//!
//! ```text
//!   adopted, or accepted ──▶ a seat with a connection and no thread ◀── left by its thread, or by the listener
//!                                       │
//!              claimed: once, by whoever comes first
//!                                       ├─ the listener, which has something to tell ─▶ a thread serves it, or it is gathered
//!                                       └─ the next upgrade ─▶ it moves on
//! ```
//!
//! An upgrade takes over thousands of connections within milliseconds. A thread for each at once would keep the processors from those
//! that have something to say; and where one upgrade follows another each would end threads that the one before has started. So for
//! a while after an upgrade threads leave their connections when they have answered.

use super::listener::{Post, State};
use super::seat::{Calls, Mail, Seat};
use crate::clock::Moment;
use crate::connection::Connection;
use crate::status::Counters;
use crate::sync::lock;
use corelay_poll::{Interest, Trigger};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// For so long after a process has taken over connections they keep no threads.
const SETTLING: Duration = Duration::from_secs(10);

impl Post {
    /// Whether connections ever wait without a thread here.
    pub(super) fn has_seats_without_threads(&self) -> bool {
        !self.wakes_itself() && self.shared.hosted.is_none()
    }

    /// Whether this one may, while it waits for input.
    pub(super) fn may_wait_without_thread(&self, connection: &Connection) -> bool {
        self.has_seats_without_threads() && (connection.is_idle() || connection.part_since().is_some())
    }

    /// Connections of another process come: none keeps a thread for a while.
    pub(super) fn settle(&self, now: Moment) {
        let settled = now.nanos.saturating_add(SETTLING.as_nanos() as u64);
        self.settled_nanos.store(settled, Ordering::Relaxed);
    }

    /// Whether connections of another process have come a short while ago.
    pub(super) fn is_settling(&self, now: Moment) -> bool {
        now.nanos < self.settled_nanos.load(Ordering::Relaxed)
    }

    /// Watches a connection for which there is nothing to do before its peer says something, which may be gathered before a thread
    /// serves it. Given back: it needs a thread.
    pub(super) fn wait_without_thread(
        self: &Arc<Self>,
        mut connection: Connection,
        is_gathered: bool,
    ) -> Option<Connection> {
        if !self.may_wait_without_thread(&connection) {
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
            let mail = Mail { token, connection, seat: None };
            let seat = Arc::new(Seat::without_thread(mail, is_gathered, &self.gate));
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

    /// The same once it is claimed: one that waits for a connection serves it, else a new one. Whether that was started.
    #[cold]
    pub(super) fn start_late(self: &Arc<Self>, seat: &Arc<Seat>) -> bool {
        let starts = !self.hand_over(seat, |_| {});
        if starts {
            self.start_new(seat);
        }
        starts
    }

    /// The same, but that the next thread that is free serves it. Whether that is to be waited for.
    #[cold]
    pub(super) fn line_up(&self, seat: &Arc<Seat>) -> bool {
        !self.hand_over(seat, |state| state.line.push_back(seat.clone()))
    }

    /// Gives the connection of a seat to a thread that waits for one. `false`: there is none, and before one can come `otherwise` is done.
    fn hand_over(&self, seat: &Arc<Seat>, otherwise: impl FnOnce(&mut State)) -> bool {
        let Some(mail) = seat.mail() else { return true };
        let idle = {
            let mut state = lock(&self.state);
            let Some(idle) = state.idle.pop() else {
                seat.put(mail);
                otherwise(&mut state);
                return false;
            };
            idle
        };
        if idle.hand_over(Mail { seat: Some(seat.clone()), ..mail }) {
            self.let_in(&mut vec![idle]);
        }
        true
    }

    fn start_new(self: &Arc<Self>, seat: &Arc<Seat>) {
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
        let Mail { token, mut connection, .. } = seat.mail()?;
        connection.registered = Interest::NONE;
        if let Err(error) = self.poller.delete(&connection.socket) {
            tracing::warn!(%error, "a connection could not be taken from its poller");
        }
        self.free(seat, token);
        Some(connection)
    }
}
