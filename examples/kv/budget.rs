//! The memory that all shards may have together. A shard takes some of it at a time, so that most writes ask nobody.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What a shard takes at once, if there is as much, and keeps at most as a reserve when its values go.
pub(crate) const GRANT_BYTES: usize = 16 * 1024;

/// What is not granted yet.
#[derive(Debug)]
pub(crate) struct Budget {
    free: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { free: AtomicUsize::new(bytes) }
    }

    /// Grants at least so much, and a [`GRANT_BYTES`] if that is more and there is as much.
    pub(crate) fn take(&self, least: usize) -> Option<usize> {
        let granted =
            |free: usize| if free < GRANT_BYTES.max(least) { least } else { GRANT_BYTES.max(least) };
        // It counts, and orders nothing.
        let before = self.free.fetch_update(Relaxed, Relaxed, |free| free.checked_sub(granted(free)));
        before.ok().map(granted)
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.free.fetch_add(bytes, Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.free.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_granted_is_what_is_needed_or_a_good_piece() {
        let budget = Budget::new(3 * GRANT_BYTES);
        assert_eq!(budget.take(10), Some(GRANT_BYTES));
        assert_eq!(budget.take(GRANT_BYTES + 1), Some(GRANT_BYTES + 1));
        assert_eq!(budget.take(GRANT_BYTES), None);
        assert_eq!(budget.take(10), Some(10), "the last piece goes by what is needed");
        budget.give_back(GRANT_BYTES);
        assert_eq!(budget.take(1), Some(GRANT_BYTES));
        assert_eq!(budget.free(), GRANT_BYTES - 11);
    }
}
