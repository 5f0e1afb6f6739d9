//! Whether the server is gone: requests fail and none is answered.

use crate::{ErrorCounts, ErrorKind};
use std::time::{Duration, Instant};

/// Failures beyond one for each connection, so that a slow server with one broken connection is not taken for gone.
const MARGIN: u64 = 8;

/// Failures since the last answer.
#[derive(Debug, Default)]
pub(super) struct Failing {
    since: Option<Instant>,
    counts: ErrorCounts,
}

impl Failing {
    pub(super) fn answered(&mut self) {
        if self.since.is_some() {
            *self = Self::default();
        }
    }

    pub(super) fn failed(&mut self, now: Instant, kind: ErrorKind) {
        self.since.get_or_insert(now);
        self.counts.count(kind);
    }

    /// What they were.
    pub(super) fn counts(&self) -> ErrorCounts {
        self.counts
    }

    /// Whether it has been so for that long, on so many connections.
    pub(super) fn is_hopeless(&self, patience: Duration, connections: usize, now: Instant) -> bool {
        let since = self.since.filter(|_| self.counts.total() > connections as u64 + MARGIN);
        since.is_some_and(|since| now.saturating_duration_since(since) >= patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_gives_hope_again_and_few_failures_take_none() {
        let start = Instant::now();
        let (patience, later) = (Duration::from_secs(1), start + Duration::from_secs(1));
        let mut failing = Failing::default();
        (0..10).for_each(|_| failing.failed(start, ErrorKind::Reset));
        assert!(!failing.is_hopeless(patience, 2, later), "ten failures, two connections");
        failing.failed(start, ErrorKind::Reset);
        assert!(failing.is_hopeless(patience, 2, later));
        assert!(!failing.is_hopeless(patience, 2, start));
        failing.answered();
        assert!(!failing.is_hopeless(patience, 2, later));
    }
}
