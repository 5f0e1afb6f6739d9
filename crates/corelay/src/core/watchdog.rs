//! A core's watchdog: a timer that the core's owner puts off while it works, and that the monitor hears when it does not.
//!
//! ```text
//!   a core's owner                                 monitor
//!   --------------                                 -------
//!   wakes up, and has not for a while:             sleeps until a watchdog barks
//!     signs := signs + 1
//!     the timer := in a millisecond or so
//!   serves …, waits in the poller                  it barks: looks at that core about once a millisecond, until
//!   wakes up, …                                      signs has moved (the timer is set again), or
//!                                                    the owner sleeps in the poller (it sets the timer when it wakes up)
//! ```
//!
//! So a core that works and comes back costs the monitor nothing, and its owner at most three system calls in two milliseconds. Looking
//! every millisecond instead, with a wake-up of the monitor on the core's own processor each time, was measured as 4 % of the
//! core's CPU time. An idle server is silent: no timer is set, or the last one has fired.
//!
//! Nobody is missed: an owner in user code has set the timer at most [`PUT_OFF_EVERY_NANOS`] before it woke up, so the timer
//! fires at most [`PATIENCE`] after it woke up; and only the owner sets it.
//!
//! Besides, the monitor has something to do ten times a second while cores work ([`gauges`](super::gauges)), and must not
//! when none does. That is [`Nap`]: each side writes first and reads the other's variable second, with a sequentially consistent
//! fence between, so one of the two sees the other. loom checks that below.

use super::inbox::Bell;
use crate::sync::modelled::{AtomicBool, AtomicU32, Ordering, fence};
use corelay_poll::Timer;
use std::io;
use std::time::Duration;

/// A watchdog barks when it was not put off for so long. With the monitor's two looks that makes two milliseconds at most.
const PATIENCE: Duration = Duration::from_micros(1_200);
/// Between two times that a watchdog is put off, in nanoseconds, at least. To set a timer that is the processor's next one
/// costs a virtual machine two exits, some microseconds.
pub(super) const PUT_OFF_EVERY_NANOS: u64 = 700_000;
const _: () = assert!((PUT_OFF_EVERY_NANOS as u128) < PATIENCE.as_nanos(), "who works is heard in time");

/// One core's.
pub(super) struct Watchdog {
    pub(super) timer: Timer,
    pub(super) signs: Signs,
    /// The timer has fired since it was last set.
    barked: AtomicBool,
    /// The owner sleeps in the poller.
    asleep: AtomicBool,
}

/// Signs of life of a core's owner, counted.
#[derive(Default)]
pub(super) struct Signs(AtomicU32);

impl Watchdog {
    pub(super) fn new() -> io::Result<Self> {
        let (barked, asleep) = (AtomicBool::new(true), AtomicBool::new(false));
        Ok(Self { timer: Timer::new()?, signs: Signs::default(), barked, asleep })
    }

    /// By the owner, awake again.
    #[inline(always)]
    pub(super) fn has_barked(&self) -> bool {
        self.barked.load(Ordering::Relaxed)
    }

    /// By the owner, who is alive.
    pub(super) fn put_off<B: Bell>(&self, nap: &Nap<B>) {
        self.barked.store(false, Ordering::Relaxed);
        nap.end(&self.signs);
        if let Err(error) = self.timer.set_after(PATIENCE) {
            tracing::error!(%error, "a core's watchdog could not be set");
        }
    }

    /// By the owner, around its sleep in the poller.
    #[inline(always)]
    pub(super) fn sleeps(&self, asleep: bool) {
        self.asleep.store(asleep, Ordering::Release);
    }

    /// By the monitor: whether the timer has fired.
    pub(super) fn barks(&self) -> bool {
        let barks = self.timer.acknowledge() > 0;
        if barks {
            self.barked.store(true, Ordering::Relaxed);
        }
        barks
    }

    /// By the monitor: whether the owner sleeps in the poller.
    pub(super) fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::Acquire)
    }
}

impl Signs {
    pub(super) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    fn add_one(&self) {
        self.0.store(self.count().wrapping_add(1), Ordering::Relaxed);
    }
}

/// The monitor's sleep without an end.
#[derive(Default)]
pub(crate) struct Nap<B> {
    napping: AtomicBool,
    pub(crate) bell: B,
}

impl<B: Bell> Nap<B> {
    /// By a core's owner: a sign of life, and the monitor hears of the first one.
    fn end(&self, signs: &Signs) {
        signs.add_one();
        fence(Ordering::SeqCst);
        if self.napping.load(Ordering::Relaxed) && self.napping.swap(false, Ordering::AcqRel) {
            self.bell.ring();
        }
    }

    /// By the monitor: whether it may sleep until the bell, because there is no sign of life.
    pub(super) fn begin(&self, no_sign: impl Fn() -> bool) -> bool {
        self.napping.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if no_sign() {
            return true;
        }
        self.napping.store(false, Ordering::Relaxed);
        false
    }
}

#[cfg(all(test, loom))]
mod model {
    #![allow(clippy::unwrap_used, reason = "in a model, a panic is a failure")]

    use super::*;
    use loom::sync::atomic::AtomicUsize;
    use std::sync::Arc;

    #[derive(Default)]
    struct Chime(AtomicUsize);

    impl Bell for Chime {
        fn ring(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A core gives its first sign of life while a monitor that has seen none goes to sleep by `go_to_sleep`.
    fn every_order(go_to_sleep: fn(&Nap<Chime>, &Signs) -> bool) {
        loom::model(move || {
            let (nap, signs) = (Arc::new(Nap::<Chime>::default()), Arc::new(Signs::default()));
            let (its_signs, its_nap) = (signs.clone(), nap.clone());
            let core = loom::thread::spawn(move || its_nap.end(&its_signs));
            let sleeps = go_to_sleep(&nap, &signs);
            core.join().unwrap();
            assert!(!sleeps || nap.bell.0.load(Ordering::SeqCst) > 0, "a core works, and the monitor sleeps");
        });
    }

    #[test]
    fn the_monitor_does_not_sleep_through_the_work_of_a_core() {
        every_order(|nap, signs| nap.begin(|| signs.count() == 0));
    }

    /// The test of the test: looking first and saying so second loses the wake-up.
    #[test]
    #[should_panic(expected = "a core works, and the monitor sleeps")]
    fn a_monitor_that_looks_before_it_says_so_is_noticed() {
        every_order(|nap, signs| {
            let sleeps = signs.count() == 0;
            nap.napping.store(true, Ordering::SeqCst);
            sleeps
        });
    }
}
