//! Connections that wait without a thread, and are told something when no thread is free: new threads, a few at a time.
//!
//! ```text
//!   claimed by the listener ──▶ a thread that waits for a connection
//!                           ├─▶ a new one, if there were few of these in this turn
//!                           └─▶ in line ──▶ the next thread that is done with its connection
//!                                       └─▶ after a millisecond: new threads, twice as many each time
//! ```
//!
//! What came while the listener had no processor is ready all at once, and most requests are done sooner than a thread is started: where
//! each had a new one they were late by 5 ms together, after a stop of 3. For handlers that block nobody waits in line for long.

use super::listener::Post;
use super::seat::Seat;
use crate::sync::lock;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// New threads at once, to begin with.
const STARTS: usize = 8;
/// As long as this threads that come free are waited for.
const PATIENCE: Duration = Duration::from_millis(1);

/// How the listener starts threads for connections that have none.
pub(super) struct Starts {
    /// How many more in this turn.
    left: usize,
    /// How many when its patience is over.
    next: usize,
    /// Since when somebody is in line, or more have waited in vain.
    since: Option<Instant>,
}

impl Starts {
    pub(super) const NONE: Self = Self { left: STARTS, next: STARTS, since: None };

    /// How long the listener may wait for something to tell.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.since.map(|_| PATIENCE)
    }

    /// Finds a thread for the connection of a seat that is claimed.
    pub(super) fn find_thread(&mut self, seat: &Arc<Seat>, post: &Arc<Post>) {
        if self.left > 0 {
            self.left -= usize::from(post.start_late(seat));
        } else if !post.hand_over_or_line_up(seat) {
            self.since.get_or_insert_with(|| post.shared.clock.now());
        }
    }

    /// By the listener, once a turn: who has been in line for too long gets a new thread.
    pub(super) fn begin_turn(&mut self, post: &Arc<Post>) {
        let Some(since) = self.since else {
            self.left = STARTS;
            return;
        };
        let now = post.shared.clock.now();
        let seats: Vec<Arc<Seat>> = {
            let line = &mut lock(&post.state).line;
            if line.is_empty() {
                *self = Self::NONE;
                return;
            }
            if now.saturating_duration_since(since) < PATIENCE {
                return;
            }
            let few = line.len().min(self.next);
            line.drain(..few).collect()
        };
        (self.next, self.since) = (self.next * 2, Some(now));
        for seat in seats {
            post.start_late(&seat);
        }
    }
}
