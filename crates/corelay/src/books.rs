//! What several threads have counted for the same core or listener.
//!
//! Each counts in books of its own, with plain stores. So a thread that has lost a core still counts what it finishes, while
//! the next owner counts already; when it is done its books are closed into the past of all.

use crate::status::Counters;
use crate::sync::lock;
use std::sync::{Arc, Mutex};

#[derive(Default)]
pub(crate) struct Books {
    past: Counters,
    open: Mutex<Vec<Arc<Counters>>>,
}

impl Books {
    pub(crate) fn open(&self, counters: &Arc<Counters>) {
        lock(&self.open).push(counters.clone());
    }

    /// Their owner counts no more.
    pub(crate) fn close(&self, counters: &Arc<Counters>) {
        let mut open = lock(&self.open);
        if let Some(place) = open.iter().position(|other| Arc::ptr_eq(other, counters)) {
            open.swap_remove(place).add_to(&self.past);
        }
    }

    /// Adds what was counted apart.
    pub(crate) fn add(&self, counters: &Counters) {
        counters.add_to(&self.past);
    }

    /// All together.
    pub(crate) fn sum(&self) -> Counters {
        let sum = Counters::default();
        // Under the lock, so that nothing is seen twice or not at all while books are closed.
        let open = lock(&self.open);
        self.past.add_to(&sum);
        open.iter().for_each(|counters| counters.add_to(&sum));
        sum
    }
}
