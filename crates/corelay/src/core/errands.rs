//! What reaches a core of a protocol's from other threads: mail for its connections, and errands.

use super::Owner;
use crate::http::panics::caught;
use crate::protocol::Errand;
use corelay_poll::Token;

impl Owner {
    /// A connection has mail. If it is away, it is looked at when it comes home.
    pub(super) fn serve_mail(&mut self, token: Token) {
        let Some(mut connection) = self.take(token) else { return };
        let next = connection.look_for_mail(&mut self.turn, &self.server);
        self.conclude_apart(token, connection, next);
    }

    /// Runs an errand. As in all user code the core may be taken meanwhile; no connection is in hand.
    pub(super) fn run_errand(&mut self, errand: Errand) {
        let Some(mut state) = self.lock() else { return };
        state.in_hand = None;
        drop(state);
        self.turn.tally.enter();
        let ran = caught(errand);
        self.turn.tally.leave();
        if let Err(message) = ran {
            tracing::error!(panic = message, "a protocol's errand panicked");
        }
        if self.lock().is_none() {
            self.lose(None);
        }
    }
}
