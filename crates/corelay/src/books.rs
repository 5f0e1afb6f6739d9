//! What several threads have counted for the same core or listener.
//!
//! Each counts in books of its own, with plain stores. So a thread that has lost a core still counts what it finishes, while
//! the next owner counts already; when it is done its books are closed into the past of all.
//!
//! [`Books`] are read under a lock, which is taken by few and seldom. Where thousands of threads may want one processor, a reader
//! would wait until whoever has the lock is given it: a [`Ledger`] is read, and written on, without.

use crate::status::Counters;
use crate::sync::lock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

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

/// Pages of a ledger: the first has [`FIRST_PAGE`] lines, each twice as many as the one before.
const PAGES: usize = 24;
const FIRST_PAGE: usize = 16;

type Page = Box<[OnceLock<Arc<Counters>>]>;

/// Books that are never closed, but counted on in by one thread after the other.
#[derive(Default)]
pub(crate) struct Ledger {
    /// What was counted apart.
    apart: Counters,
    lines: AtomicUsize,
    pages: [OnceLock<Page>; PAGES],
}

impl Ledger {
    /// New books, for one thread at a time.
    pub(crate) fn open(&self) -> Arc<Counters> {
        let counters = Arc::<Counters>::default();
        let (page, line) = place(self.lines.fetch_add(1, Ordering::Relaxed));
        let blank = || (0..FIRST_PAGE << page).map(|_| OnceLock::new()).collect();
        let line = self.pages.get(page).and_then(|pages| pages.get_or_init(blank).get(line));
        // 268 million threads at the same time are more than there can be.
        debug_assert!(line.is_some(), "a ledger is full");
        line.map(|line| line.set(counters.clone()));
        counters
    }

    /// Adds what was counted apart.
    pub(crate) fn add(&self, counters: &Counters) {
        counters.add_to(&self.apart);
    }

    /// All together, without waiting for anybody: what is being opened has counted nothing.
    pub(crate) fn sum(&self) -> Counters {
        let sum = Counters::default();
        self.apart.add_to(&sum);
        let written = self.pages.iter().map_while(OnceLock::get).flatten().filter_map(OnceLock::get);
        written.for_each(|counters| counters.add_to(&sum));
        sum
    }
}

/// The page of a line, and where it is there.
fn place(line: usize) -> (usize, usize) {
    let page = (line / FIRST_PAGE + 1).ilog2() as usize;
    (page, line - FIRST_PAGE * ((1 << page) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_a_ledger_has_a_place_of_its_own() {
        let mut expected = (0, 0);
        for line in 0..10_000 {
            assert_eq!(place(line), expected, "line {line}");
            let (page, at) = expected;
            expected = if at + 1 == FIRST_PAGE << page { (page + 1, 0) } else { (page, at + 1) };
        }
    }

    #[test]
    fn a_ledger_adds_up_what_threads_count_while_it_is_read() {
        const THREADS: u64 = 100;
        let ledger = Ledger::default();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| ledger.open().requests.add(1));
            }
            assert!(ledger.sum().requests.read() <= THREADS);
        });
        let apart = Counters::default();
        apart.requests.add(1);
        ledger.add(&apart);
        assert_eq!(ledger.sum().requests.read(), THREADS + 1);
    }
}
