//! Turns: the buffers of threads that run. A thread that sleeps has none.
//!
//! As many as threads run at the same time: about one a processor, and one for each handler that waits. Only a few are kept;
//! the last one that was given back is the next one lent, so the same few pages are used again and again. Each has books of
//! its own, for one thread at a time counts in them; those of a turn that is not kept are a later one's.
//!
//! Who asks what was counted, or whether anybody runs, waits for no lock: under overload the thread that has it may be one of
//! thousands that want the processor.

use crate::books::Ledger;
use crate::connection::Turn;
use crate::core::Tenure;
use crate::shared::Shared;
use crate::status::Counters;
use crate::sync::lock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Turns that nobody has which are kept.
const KEPT_MAX: usize = 16;

#[derive(Default)]
pub(super) struct Turns {
    rack: Mutex<Rack>,
    pub(super) ledger: Ledger,
    /// How many are in use. Written under the rack's lock.
    lent: AtomicUsize,
}

#[derive(Default)]
struct Rack {
    #[allow(clippy::vec_box, reason = "a turn is large, and is lent and given back as it is")]
    kept: Vec<Box<Turn>>,
    /// The books of turns that were not.
    spare: Vec<Arc<Counters>>,
}

impl Turns {
    pub(super) fn lend(&self, server: &Shared) -> Box<Turn> {
        let (kept, spare) = {
            let mut rack = lock(&self.rack);
            self.lent.store(self.lent() + 1, Ordering::Relaxed);
            let kept = rack.kept.pop();
            let spare = if kept.is_none() { rack.spare.pop() } else { None };
            (kept, spare)
        };
        let mut turn = kept.unwrap_or_else(|| self.make(spare, server));
        turn.begin(server);
        turn
    }

    #[cold]
    fn make(&self, spare: Option<Arc<Counters>>, server: &Shared) -> Box<Turn> {
        let counters = spare.unwrap_or_else(|| self.ledger.open());
        let mut turn = Box::new(Turn::new(server, Arc::new(Tenure::counting_in(counters))));
        turn.tally = turn.tally.without_learning();
        turn
    }

    pub(super) fn give_back(&self, turn: Box<Turn>) {
        let mut rack = lock(&self.rack);
        self.lent.store(self.lent().saturating_sub(1), Ordering::Relaxed);
        if rack.kept.len() < KEPT_MAX {
            rack.kept.push(turn);
            return;
        }
        rack.spare.push(turn.tally.counters.clone());
        drop(rack);
        drop(turn);
    }

    /// How many are in use.
    pub(super) fn lent(&self) -> usize {
        self.lent.load(Ordering::Relaxed)
    }

    /// Adds what was counted without a turn.
    pub(super) fn add(&self, counters: &Counters) {
        self.ledger.add(counters);
    }
}
