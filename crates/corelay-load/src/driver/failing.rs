//! Whether the server is gone: requests fail and none is answered.

use std::time::{Duration, Instant};

/// Failures beyond one for each connection, so that a slow server with one broken connection is not taken for gone.
const MARGIN: u64 = 8;

/// Failures since the last answer.
#[derive(Debug, Default)]
pub(super) struct Failing {
    since: Option<Instant>,
    count: u64,
}

impl Failing {
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    pub(super) fn failed(&mut self, now: Instant) {
        self.since.get_or_insert(now);
        self.count += 1;
    }

    /// Whether it has been so for that long, on so many connections.
    pub(super) fn is_hopeless(&self, patience: Duration, connections: usize, now: Instant) -> bool {
        let since = self.since.filter(|_| self.count > connections as u64 + MARGIN);
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
        (0..10).for_each(|_| failing.failed(start));
        assert!(!failing.is_hopeless(patience, 2, later), "ten failures, two connections");
        failing.failed(start);
        assert!(failing.is_hopeless(patience, 2, later));
        assert!(!failing.is_hopeless(patience, 2, start));
        failing.answered();
        assert!(!failing.is_hopeless(patience, 2, later));
    }
}
