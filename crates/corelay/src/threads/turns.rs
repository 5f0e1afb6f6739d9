//! Turns: the buffers of threads that run. A thread that sleeps has none.
//!
//! As many as threads run at the same time: about one a processor, and one for each handler that waits. Only a few are kept;
//! the last one that was given back is the next one lent, so the same few pages are used again and again. Each has books of
//! its own, for one thread at a time counts in them.

use crate::books::Books;
use crate::connection::Turn;
use crate::core::Tenure;
use crate::shared::Shared;
use crate::status::Counters;
use crate::sync::lock;
use std::sync::{Arc, Mutex};

/// Turns that nobody has which are kept.
const KEPT_MAX: usize = 16;

#[derive(Default)]
pub(super) struct Turns {
    rack: Mutex<Rack>,
    pub(super) books: Books,
}

#[derive(Default)]
struct Rack {
    #[allow(clippy::vec_box, reason = "a turn is large, and is lent and given back as it is")]
    kept: Vec<Box<Turn>>,
    lent: usize,
}

impl Turns {
    pub(super) fn lend(&self, server: &Shared) -> Box<Turn> {
        let kept = {
            let mut rack = lock(&self.rack);
            rack.lent += 1;
            rack.kept.pop()
        };
        let mut turn = kept.unwrap_or_else(|| self.make(server));
        turn.begin(server);
        turn
    }

    #[cold]
    fn make(&self, server: &Shared) -> Box<Turn> {
        let mut turn = Box::new(Turn::new(server, Arc::<Tenure>::default()));
        turn.tally = turn.tally.without_learning();
        self.books.open(&turn.tally.counters);
        turn
    }

    pub(super) fn give_back(&self, turn: Box<Turn>) {
        let mut rack = lock(&self.rack);
        rack.lent -= 1;
        if rack.kept.len() < KEPT_MAX {
            rack.kept.push(turn);
            return;
        }
        drop(rack);
        self.books.close(&turn.tally.counters);
    }

    /// How many are in use.
    pub(super) fn lent(&self) -> usize {
        lock(&self.rack).lent
    }

    /// Adds what was counted without a turn.
    pub(super) fn add(&self, counters: &Counters) {
        self.books.add(counters);
    }
}
