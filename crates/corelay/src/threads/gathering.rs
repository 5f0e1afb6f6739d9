//! Messages that come in small pieces: the listener puts them together, so that none of the pieces costs a thread's waking.
//!
//! ```text
//!   accepted, and no thread waits for a connection ─▶ a seat with a connection and no thread
//!   thread ── small pieces, and not whole yet ──────▶   │              ▲
//!      ▲                                            listener: a piece  │ not whole yet
//!      │                                                ▼              │
//!      └─ whole, wrong, coming fast, late, at an end ── one read ──────┘
//! ```
//!
//! Thousands of peers that send a few bytes now and then would otherwise have as many threads, and wake them; who asks for something
//! would wait behind them, for the kernel is fair to threads. Nothing here runs a handler or waits, so the listener can do it. What
//! it cannot do, refusals among it, is a thread's: one that waits for a connection, or a new one.

use super::client::FULL_BYTES;
use super::listener::{Listener, Post};
use super::seat::{Calls, Mail, Seat};
use crate::connection::{Gathered, Turn};
use std::sync::Arc;

/// Seats looked at before others are told what they wait for.
const SEATS_PER_TURN: usize = 32;

impl Listener {
    /// Looks at some of those that are claimed and told to look, in the order in which they were told.
    pub(super) fn gather(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        let (post, seats) = (&self.post, self.gathered.len().min(SEATS_PER_TURN));
        let mut turn = post.turns.lend(&post.shared);
        for seat in self.gathered.drain(..seats) {
            post.gather_at(&seat, &mut turn);
        }
        post.turns.give_back(turn);
    }
}

impl Post {
    /// Looks at one that is claimed, until it is left or a thread's.
    fn gather_at(self: &Arc<Self>, seat: &Arc<Seat>, turn: &mut Turn) {
        let Some(mut mail) = seat.mail() else { return };
        loop {
            let calls = seat.calls();
            let found = if calls == Calls::NONE { Found::Part } else { self.look_at(&mut mail, calls, turn) };
            if found != Found::Part {
                seat.put(mail);
                // What was heard here is for the thread to hear, and that there may be more to read: what it looks at first is what was
                // gathered, and what came since was told of before, or is told with this.
                let _ = seat.tell(calls.and(Calls::ENDED));
                self.start_late(seat);
                return;
            }
            // Its message is ready when the last piece is.
            let _ = seat.ready_since();
            if seat.publish(mail.connection.deadline) {
                self.watch(seat, mail.token, mail.connection.deadline);
            }
            match seat.stand_up(mail, true) {
                None => return,
                Some(Mail { token, connection, .. }) => mail = Mail { token, connection, seat: None },
            }
        }
    }

    /// Reads once, if that is all it was told.
    fn look_at(&self, mail: &mut Mail, calls: Calls, turn: &mut Turn) -> Found {
        if calls != Calls::LOOK {
            return Found::Other;
        }
        let before = turn.tally.counters.received_bytes.read();
        let gathered = mail.connection.gather(turn, &self.shared);
        let much = turn.tally.counters.received_bytes.read().wrapping_sub(before) >= FULL_BYTES;
        if gathered == Gathered::Part && !much { Found::Part } else { Found::Other }
    }
}

/// What there is of a message.
#[derive(PartialEq)]
enum Found {
    /// A piece, at the most.
    Part,
    /// All of it, as much as is read at a time, or something else to do.
    Other,
}
