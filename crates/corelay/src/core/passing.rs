//! Connections passed from core to core: the owner's part in [`balance`](super::balance).

use super::balance::{Share, hottest};
use super::owner::Owner;
use super::{Core, Message};
use crate::connection::Connection;
use crate::protocol::Place;
use corelay_poll::{Interest, Token};
use std::sync::atomic::{Ordering, fence};

impl Owner {
    /// Counts anew how often each connection is served.
    #[cold]
    pub(super) fn measure(&mut self) {
        let Some(mut state) = self.lock() else { return };
        state.connections.for_each(|connection| connection.turns = 0);
    }

    /// Passes the hottest connections to another core. Only such as wait for a request, with nothing in flight.
    #[cold]
    pub(super) fn share(&mut self, share: &Share) {
        let Some(state) = self.lock() else { return };
        let idle: Vec<(Token, u32)> = state
            .connections
            .tokens()
            .filter_map(|token| Some((token, state.connections.peek(token)?)))
            .filter(|(_, connection)| connection.is_idle() && connection.registered == Interest::READ)
            .map(|(token, connection)| (token, connection.turns))
            .collect();
        drop(state);
        let heats: Vec<u32> = idle.iter().map(|(_, turns)| *turns).collect();
        for index in hottest(&heats, share.part) {
            if !self.pass_on(idle[index].0, &share.to) {
                return;
            }
        }
    }

    /// `false`: nothing more may be passed.
    fn pass_on(&mut self, token: Token, to: &Core) -> bool {
        // First it counts as arriving, then the phase is looked at: a core that drains waits for what is on its way.
        to.arriving.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if self.server.is_draining() {
            to.arriving.fetch_sub(1, Ordering::SeqCst);
            to.wake();
            return false;
        }
        let Some(mut connection) = self.take(token) else {
            to.arriving.fetch_sub(1, Ordering::SeqCst);
            return true;
        };
        self.unregister(&mut connection);
        if let Some(mut state) = self.lock() {
            state.in_hand = None;
            state.timers.cancel(token.slot());
            state.connections.release(token);
        }
        self.turn.tally.counters.passed_on.add(1);
        self.core.load.fetch_sub(1, Ordering::Relaxed);
        to.load.fetch_add(1, Ordering::Relaxed);
        to.send(Message::Passed(connection));
        true
    }

    /// A connection of another core's: what has arrived on its way here is served at once.
    #[cold]
    pub(super) fn take_over(&mut self, mut connection: Connection) {
        self.turn.tally.counters.passed_in.add(1);
        connection.turns = 0;
        self.settle_in(connection);
    }

    /// Gives a connection that counts as arriving a slot, and serves it.
    pub(super) fn settle_in(&mut self, mut connection: Connection) {
        let Some(mut state) = self.lock() else { return };
        let token = state.connections.reserve();
        connection.is_served_at(&self.server, || Place { home: self.core.clone(), token });
        let _ = state.connections.put_back(token, connection);
        drop(state);
        self.core.arriving.fetch_sub(1, Ordering::SeqCst);
        self.serve_apart(token);
    }
}
