//! What is learnt about a route: whether its handler keeps a core waiting.
//!
//! A route in whose handler cores were taken a few times is *learnt*: its requests go to a service thread at once, which
//! saves the two milliseconds until a monitor notices, and the take. So is a route whose handler waits for less than that, but
//! again and again: nobody would take its core, and yet everything else on it would wait in line. A learnt route that answers quickly many times in
//! a row is unlearnt. Each time that happens it takes twice as many takes to learn it again, so that a route that blocks
//! once in a thousand requests settles where it belongs: on the core, which is then taken from it once in a thousand.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use super::handler::Placement;
use crate::tally::{SLOW, Spent};

/// Takes after which a route is learnt, at first.
const TAKES_AT_FIRST: u32 = 3;
/// And at most.
const TAKES_MAX: u32 = 1 << 16;
/// A handler on a service thread that is done within this time, and has waited for less than [`WAIT`] of it, would have kept no
/// core waiting.
const QUICK: Duration = Duration::from_millis(1);
/// A wait in a handler that is worth a hand-over, which costs about ten microseconds of CPU time: while one handler waits for
/// longer, the core could have served others.
const WAIT: Duration = Duration::from_micros(30);
const _: () = assert!(
    WAIT.as_nanos() < SLOW.as_nanos(),
    "who waits that long is slow, and so is asked how long it waits"
);
/// Measured handlers that waited, less those that were quick, after which a route is learnt without a take.
const WAITS_AT_FIRST: u32 = 8;
/// As many quick ones in a row, and a route is unlearnt.
const QUICK_IN_A_ROW: u32 = 64;

const ON_CORE: u8 = 0;
const LEARNT: u8 = 1;
const SAID_BLOCKING: u8 = 2;
const SAID_INLINE: u8 = 3;

/// One route's.
pub(crate) struct Habit {
    placement: AtomicU8,
    takes: AtomicU32,
    /// Measured waits, halved by each measured handler that was quick.
    waits: AtomicU32,
    takes_needed: AtomicU32,
    quick_in_a_row: AtomicU32,
    /// It was taken while it burnt CPU time.
    burns: AtomicBool,
}

impl Habit {
    pub(crate) fn new(placement: Placement) -> Self {
        let placement = match placement {
            Placement::Auto => ON_CORE,
            Placement::Blocking => SAID_BLOCKING,
            Placement::Inline => SAID_INLINE,
        };
        Self {
            placement: AtomicU8::new(placement),
            takes: AtomicU32::new(0),
            waits: AtomicU32::new(0),
            takes_needed: AtomicU32::new(TAKES_AT_FIRST),
            quick_in_a_row: AtomicU32::new(0),
            burns: AtomicBool::new(false),
        }
    }

    /// Whether a service thread is to run it.
    #[inline]
    pub(crate) fn is_blocking(&self) -> bool {
        matches!(self.placement.load(Ordering::Relaxed), LEARNT | SAID_BLOCKING)
    }

    /// Whether that was learnt, and not said.
    pub(crate) fn is_learnt(&self) -> bool {
        self.placement.load(Ordering::Relaxed) == LEARNT
    }

    /// Whether its thread should yield to others.
    pub(crate) fn burns(&self) -> bool {
        self.burns.load(Ordering::Relaxed)
    }

    /// A core was rightly taken from it. `true`: with that it is learnt.
    pub(crate) fn taken(&self, burning: bool) -> bool {
        self.burns.store(burning, Ordering::Relaxed);
        let takes = self.takes.fetch_add(1, Ordering::Relaxed) + 1;
        takes >= self.takes_needed.load(Ordering::Relaxed) && self.change(ON_CORE, LEARNT)
    }

    /// It was measured on a core. `true`: with that it is learnt, because it keeps waiting for something, each time for less than
    /// would have the core taken: a database near by, say.
    pub(crate) fn sampled(&self, spent: Spent) -> bool {
        let waits = self.waits.load(Ordering::Relaxed);
        if spent.time < SLOW {
            if waits > 0 {
                self.waits.store(waits / 2, Ordering::Relaxed);
            }
            return false;
        }
        if spent.waited.is_none_or(|waited| waited < WAIT) {
            return false;
        }
        self.waits.store(waits + 1, Ordering::Relaxed);
        let needed = self.takes_needed.load(Ordering::Relaxed) / TAKES_AT_FIRST * WAITS_AT_FIRST;
        waits + 1 >= needed && self.change(ON_CORE, LEARNT)
    }

    /// It ran on a service thread for so long. `true`: with that it is unlearnt.
    pub(crate) fn ran(&self, spent: Spent) -> bool {
        if !self.is_learnt() {
            return false;
        }
        if spent.time > QUICK || spent.waited.is_some_and(|waited| waited >= WAIT) {
            self.quick_in_a_row.store(0, Ordering::Relaxed);
            return false;
        }
        let quick = self.quick_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        if quick < QUICK_IN_A_ROW || !self.change(LEARNT, ON_CORE) {
            return false;
        }
        let needed = self.takes_needed.load(Ordering::Relaxed);
        self.takes_needed.store((needed * 2).min(TAKES_MAX), Ordering::Relaxed);
        self.takes.store(0, Ordering::Relaxed);
        self.waits.store(0, Ordering::Relaxed);
        self.quick_in_a_row.store(0, Ordering::Relaxed);
        true
    }

    /// It was learnt by another process.
    pub(crate) fn learn(&self) {
        self.change(ON_CORE, LEARNT);
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.placement.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(micros: u64, waited: u64) -> Spent {
        Spent { time: Duration::from_micros(micros), waited: Some(Duration::from_micros(waited)) }
    }

    fn learnt() -> Habit {
        let habit = Habit::new(Placement::Auto);
        assert!(!habit.taken(false) && !habit.taken(false));
        assert!(!habit.is_blocking());
        assert!(habit.taken(false), "the third time");
        habit
    }

    #[test]
    fn a_route_that_keeps_blocking_is_learnt() {
        assert!(learnt().is_blocking());
    }

    #[test]
    fn a_learnt_route_that_has_become_quick_is_unlearnt_and_takes_longer_to_learn_again() {
        let habit = learnt();
        for _ in 0..QUICK_IN_A_ROW - 1 {
            assert!(!habit.ran(took(0, 0)));
        }
        assert!(!habit.ran(took(5_000, 0)), "a slow one: counting begins anew");
        for _ in 0..QUICK_IN_A_ROW - 1 {
            assert!(!habit.ran(took(1_000, 0)));
        }
        assert!(habit.ran(took(1_000, 0)));
        assert!(!habit.is_blocking());
        let takes = (1..).find(|_| habit.taken(false)).expect("it is learnt again");
        assert_eq!(takes, 2 * TAKES_AT_FIRST);
    }

    #[test]
    fn short_waits_are_learnt_if_there_are_many_and_kept_while_they_go_on() {
        let habit = Habit::new(Placement::Auto);
        assert!((1..WAITS_AT_FIRST).all(|_| !habit.sampled(took(500, 400))));
        assert!(habit.sampled(took(500, 400)), "the eighth");
        assert!((0..1000).all(|_| !habit.ran(took(500, 400))), "quick by the clock, and yet it waits");
        assert!(habit.is_learnt());
    }

    #[test]
    fn neither_work_nor_a_wait_now_and_then_is_learnt() {
        let habit = Habit::new(Placement::Auto);
        assert!((0..1000).all(|_| !habit.sampled(took(900, 20))), "it burns");
        assert!((0..1000).all(|_| !habit.sampled(took(500, 400)) && !habit.sampled(took(3, 0))));
        let unknown = Spent { time: Duration::from_micros(500), waited: None };
        assert!((0..1000).all(|_| !habit.sampled(unknown)));
    }

    #[test]
    fn what_the_program_said_stays() {
        let inline = Habit::new(Placement::Inline);
        assert!((0..100).all(|_| !inline.taken(true)) && !inline.is_blocking());
        let blocking = Habit::new(Placement::Blocking);
        assert!((0..100).all(|_| !blocking.ran(took(0, 0))) && blocking.is_blocking());
        assert!(!blocking.is_learnt());
    }
}
