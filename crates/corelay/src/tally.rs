//! A serving thread's books: whether it is in user code, and what it has done.

use crate::clock::{Clock, Moment};
use crate::status::Counters;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Under heavy load one handler in this time is measured: a pair of clock readings.
const SAMPLE_EVERY_NANOS: u64 = 1_000_000;
/// Measurements that a quiet time saves up, so that under light load every handler is measured.
const SAVED_SAMPLES_MAX: u64 = 64;

/// Counts up when its thread enters user code and when it leaves: odd means inside (a handler, its extractors and
/// middleware, a body iterator, the drop of a user's value).
///
/// This is what tells an observer, without a lock, that a core has been in one and the same piece of user code for
/// two looks in a row. It costs the owner two plain stores a request.
#[derive(Default)]
pub(crate) struct Sequence(AtomicU64);

impl Sequence {
    /// By the owner only.
    #[inline]
    fn step(&self) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    pub(crate) fn in_user_code(&self) -> bool {
        self.0.load(Ordering::Acquire) % 2 == 1
    }
}

/// What one serving thread counts with.
pub(crate) struct Tally {
    pub(crate) counters: Arc<Counters>,
    sequence: Arc<Sequence>,
    clock: Arc<dyn Clock>,
    /// The wake-up's one reading of the clock.
    now: Moment,
    /// Whether every handler is measured, because the access log wants to know.
    always: bool,
    /// Measurements that may still be made, and up to when they were counted.
    samples: u64,
    counted_to_nanos: u64,
    /// Handlers since the last one that was measured: the next one stands for them too.
    unmeasured: u64,
    /// In a handler that is measured: when it began.
    entered_at: Option<Instant>,
    last_handler: Option<Duration>,
}

impl Tally {
    /// The books of a core's owner.
    pub(crate) fn new(
        counters: Arc<Counters>,
        sequence: Arc<Sequence>,
        clock: Arc<dyn Clock>,
        now: Moment,
        always: bool,
    ) -> Self {
        Self {
            counters,
            sequence,
            clock,
            now,
            always,
            samples: SAVED_SAMPLES_MAX,
            counted_to_nanos: 0,
            unmeasured: 0,
            entered_at: None,
            last_handler: None,
        }
    }

    /// Books of their own for one piece of work on a service thread, which is always measured.
    pub(crate) fn exact(clock: Arc<dyn Clock>, now: Moment) -> Self {
        Self::new(Arc::default(), Arc::default(), clock, now, true)
    }

    /// A new wake-up, at `now`.
    #[inline]
    pub(crate) fn wake_up(&mut self, now: Moment) {
        self.now = now;
        self.counters.wake_ups.add(1);
        let elapsed_nanos = now.nanos.saturating_sub(self.counted_to_nanos);
        if elapsed_nanos >= SAMPLE_EVERY_NANOS {
            let earned = elapsed_nanos / SAMPLE_EVERY_NANOS;
            self.samples = self.samples.saturating_add(earned).min(SAVED_SAMPLES_MAX);
            self.counted_to_nanos = now.nanos;
        }
    }

    pub(crate) fn now(&self) -> Moment {
        self.now
    }

    /// User code begins. Under light load every stay in it is measured; under heavy load one a millisecond, which
    /// then stands for all since the last.
    #[inline]
    pub(crate) fn enter(&mut self) {
        self.unmeasured += 1;
        if self.always || self.samples > 0 {
            self.samples = self.samples.saturating_sub(1);
            self.entered_at = Some(self.clock.now());
        }
        self.sequence.step();
    }

    /// User code is over.
    #[inline]
    pub(crate) fn leave(&mut self) {
        self.sequence.step();
        if let Some(entered_at) = self.entered_at.take() {
            self.measured(entered_at);
        }
    }

    #[cold]
    fn measured(&mut self, entered_at: Instant) {
        let spent = self.clock.now().saturating_duration_since(entered_at);
        self.last_handler = Some(spent);
        let spent_ns = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        self.counters.handler_ns.add(spent_ns.saturating_mul(std::mem::take(&mut self.unmeasured)));
    }

    /// How long the last handler took that was measured.
    pub(crate) fn last_handler(&self) -> Option<Duration> {
        self.last_handler
    }
}
