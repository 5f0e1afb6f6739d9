//! When every core rests, so does the monitor, and the first core that works again wakes it.
//!
//! ```text
//!   a core's owner                           monitor
//!   --------------                           -------
//!   resting := true                          napping := true
//!   waits in the poller                      -- fence --
//!   resting := false                         all resting? -- no --> napping := false, looks on
//!   -- fence --                                yes: sleeps until the bell
//!   napping? -- yes --> napping := false, ring
//! ```
//!
//! Each writes first and reads the other's variable second, with a sequentially consistent fence between: one of the two
//! sees the other. loom checks that below. A core pays one fence for each sleep in the kernel, and none while it is busy.

use super::inbox::Bell;
use crate::sync::modelled::{AtomicBool, Ordering, fence};

/// Whether a core's owner sleeps in the poller.
#[derive(Default)]
pub(crate) struct Rest(AtomicBool);

impl Rest {
    #[inline(always)]
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Where there is no monitor. With one: [`Nap::end`].
    #[inline(always)]
    pub(crate) fn end(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    pub(crate) fn lasts(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The monitor's sleep.
#[derive(Default)]
pub(crate) struct Nap<B> {
    napping: AtomicBool,
    pub(crate) bell: B,
}

impl<B: Bell> Nap<B> {
    /// By a core's owner: it works again.
    #[inline(always)]
    pub(crate) fn end(&self, rest: &Rest) {
        rest.end();
        fence(Ordering::SeqCst);
        if self.napping.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        if self.napping.swap(false, Ordering::AcqRel) {
            self.bell.ring();
        }
    }

    /// By the monitor: whether it may sleep until the bell.
    pub(crate) fn begin(&self, all_rest: impl Fn() -> bool) -> bool {
        self.napping.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if all_rest() {
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

    #[test]
    fn the_monitor_does_not_sleep_through_the_work_of_a_core() {
        loom::model(|| {
            let (nap, rest) = (Arc::new(Nap::<Chime>::default()), Arc::new(Rest::default()));
            rest.begin();
            let (working, its_nap) = (rest.clone(), nap.clone());
            let core = loom::thread::spawn(move || its_nap.end(&working));
            let sleeps = nap.begin(|| rest.lasts());
            core.join().unwrap();
            assert!(!sleeps || nap.bell.0.load(Ordering::SeqCst) > 0, "a core works, and the monitor sleeps");
        });
    }

    /// The test of the test: looking first and saying so second loses the wake-up.
    #[test]
    #[should_panic(expected = "a core works, and the monitor sleeps")]
    fn a_monitor_that_looks_before_it_says_so_is_noticed() {
        loom::model(|| {
            let (nap, rest) = (Arc::new(Nap::<Chime>::default()), Arc::new(Rest::default()));
            rest.begin();
            let (working, its_nap) = (rest.clone(), nap.clone());
            let core = loom::thread::spawn(move || its_nap.end(&working));
            let sleeps = rest.lasts();
            nap.napping.store(true, Ordering::SeqCst);
            core.join().unwrap();
            assert!(!sleeps || nap.bell.0.load(Ordering::SeqCst) > 0, "a core works, and the monitor sleeps");
        });
    }
}
