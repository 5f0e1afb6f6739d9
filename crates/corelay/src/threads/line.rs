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
//! each had a new one, 45 of them and what they served took 5 ms more, after a stop of 7. For handlers that block nobody waits in line for long.

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
        } else if post.line_up(seat) {
            self.since.get_or_insert_with(|| post.shared.clock.now());
        }
    }

    /// How many of those in line, who or whose like have waited since then, get new threads now.
    fn due(&mut self, in_line: usize, since: Instant, now: Instant) -> usize {
        if in_line == 0 {
            *self = Self::NONE;
            return 0;
        }
        if now.saturating_duration_since(since) < PATIENCE {
            return 0;
        }
        let few = in_line.min(self.next);
        (self.next, self.since) = (self.next.saturating_mul(2), Some(now));
        few
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
            let few = self.due(line.len(), since, now);
            line.drain(..few).collect()
        };
        for seat in seats {
            post.start_late(&seat);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_in_line_gets_a_thread_each_time_however_long_there_is_a_line() {
        let (mut starts, mut now) = (Starts::NONE, Instant::now());
        let mut most = STARTS;
        for _ in 0..200 {
            let since = now;
            assert_eq!(starts.due(10_000, since, since + PATIENCE / 2), 0, "a thread may come free");
            now += PATIENCE;
            assert_eq!(starts.due(10_000, since, now), most);
            assert_eq!(starts.since, Some(now));
            most = (most * 2).min(10_000);
        }
        assert_eq!(starts.due(0, now, now), 0);
        assert_eq!(
            (starts.left, starts.next, starts.patience()),
            (STARTS, STARTS, None),
            "from the beginning"
        );
    }
}
