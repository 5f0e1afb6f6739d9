//! What a core has counted, whoever served it.
//!
//! Each owner counts in books of its own, with plain stores: a thread that has lost the core still counts what it
//! finishes, while the next owner counts already. When it is done its books are closed into the core's past.

use crate::status::Counters;
use crate::sync::lock;
use std::sync::{Arc, Mutex};

#[derive(Default)]
pub(super) struct Books {
    past: Counters,
    open: Mutex<Vec<Arc<Counters>>>,
}

impl Books {
    pub(super) fn open(&self, counters: &Arc<Counters>) {
        lock(&self.open).push(counters.clone());
    }

    /// Their owner counts no more.
    pub(super) fn close(&self, counters: &Arc<Counters>) {
        let mut open = lock(&self.open);
        if let Some(place) = open.iter().position(|other| Arc::ptr_eq(other, counters)) {
            open.swap_remove(place).add_to(&self.past);
        }
    }

    /// All together.
    pub(super) fn sum(&self) -> Counters {
        let sum = Counters::default();
        // Under the lock, so that nothing is seen twice or not at all while books are closed.
        let open = lock(&self.open);
        self.past.add_to(&sum);
        open.iter().for_each(|counters| counters.add_to(&sum));
        sum
    }
}
