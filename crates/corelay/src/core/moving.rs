//! Connections that move to another process and from one: the owner's part in [`upgrade`](crate::upgrade).

use super::owner::Owner;
use super::{Core, Message};
use crate::connection::Connection;
use crate::door::door_token;
use crate::shared::Shared;
use crate::upgrade::turn_away;
use corelay_poll::Token;
use std::sync::atomic::{Ordering, fence};

/// Slots that are looked at for connections that can move, at a time: a core is not to stand still for it.
const SLOTS_PER_LOOK: usize = 4096;

impl Core {
    /// Has it send connections that can move to who passes them on, unless it was asked for that already.
    pub(super) fn ask_to_let_go(&self, most: usize) {
        if !self.asked.swap(true, Ordering::Relaxed) {
            self.send(Message::LetGo(most));
        }
    }

    /// Gives it a connection of another process, or one that has not left after all.
    pub(super) fn adopt(&self, connection: Connection, server: &Shared) {
        // As when a core passes one on: see `Owner::pass_on`.
        self.arriving.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if server.is_draining() {
            self.arriving.fetch_sub(1, Ordering::SeqCst);
            self.wake();
            return self.books.add(&turn_away(connection, server));
        }
        self.load.fetch_add(1, Ordering::Relaxed);
        self.send(Message::Moved(connection));
    }
}

impl Owner {
    #[cold]
    pub(super) fn open_doors(&mut self, open: bool) {
        let Some(mut state) = self.lock() else { return };
        for (index, door) in state.doors.iter_mut().enumerate() {
            door.shut(!open, &self.core.poller, door_token(index));
        }
    }

    /// Takes some connections that can move out of the core, and gives them away.
    #[cold]
    pub(super) fn let_go(&mut self, most: usize) {
        self.core.asked.store(false, Ordering::Relaxed);
        let kinds = self.server.upgrade.kinds();
        let Some(mut state) = self.lock() else { return };
        let from = state.looked_to;
        let movable = |connection: &Connection| connection.is_movable(kinds);
        let (found, at) = state.connections.find(from, SLOTS_PER_LOOK, most, movable);
        state.looked_to = at;
        drop(state);
        let leaving: Vec<Connection> =
            found.into_iter().filter_map(|token| self.take_for_good(token)).collect();
        self.turn.tally.counters.moved_away.add(leaving.len() as u64);
        for connection in self.server.upgrade.leave(leaving) {
            // The upgrade is off. They come back by the inbox: serving one may cost this thread its core.
            self.core.adopt(connection, &self.server);
        }
    }

    /// Takes a connection out of the core, and frees its slot.
    fn take_for_good(&mut self, token: Token) -> Option<Connection> {
        let mut connection = self.take(token)?;
        self.unregister(&mut connection);
        let mut state = self.lock()?;
        state.in_hand = None;
        state.timers.cancel(token.slot());
        state.connections.release(token);
        drop(state);
        self.core.load.fetch_sub(1, Ordering::Relaxed);
        Some(connection)
    }

    /// A connection of another process: what it has unread is served at once.
    #[cold]
    pub(super) fn move_in(&mut self, connection: Connection) {
        self.turn.tally.counters.moved_in.add(1);
        self.settle_in(connection);
    }
}
