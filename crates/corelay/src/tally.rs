//! A serving thread's books: whether it is in user code, and what it has done.

use crate::clock::{Clock, Moment};
use crate::core::{NO_ENDPOINT, Tenure};
use crate::http::{Endpoint, Request, Response};
use crate::status::Counters;
use corelay_poll::thread::{cpu_time, waits};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Under heavy load one handler in this time is measured: a pair of clock readings.
const SAMPLE_EVERY_NANOS: u64 = 1_000_000;
/// Measurements that a quiet time saves up, so that under light load every handler is measured.
const SAVED_SAMPLES_MAX: u64 = 64;

/// A handler that takes this long may be worth a service thread, if it waits for most of that: a hand-over costs less.
pub(crate) const SLOW: Duration = Duration::from_micros(50);

/// What a stay in user code took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    pub(crate) time: Duration,
    /// Of it, off the CPU, if it waited at all; known only of a handler that came after a slow one.
    pub(crate) waited: Option<Duration>,
}

/// What one serving thread counts with.
pub(crate) struct Tally {
    pub(crate) counters: Arc<Counters>,
    tenure: Arc<Tenure>,
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
    /// And the thread's CPU time and waits then, where those are asked for.
    entered_with: Option<(Duration, u64)>,
    /// The handler before was slow: of the next one it is asked how long it waits.
    slow: bool,
    last_handler: Option<Spent>,
    /// The last handler was measured, and nobody has looked at it yet.
    fresh: bool,
    /// The core was taken while this thread was in user code: when it came back from there.
    taken_until: Option<Instant>,
    has_yielded: bool,
    /// Whether a route whose handler waits is to be learnt.
    learns: bool,
}

impl Tally {
    /// The books of a core's owner.
    pub(crate) fn new(tenure: Arc<Tenure>, clock: Arc<dyn Clock>, now: Moment, always: bool) -> Self {
        Self {
            counters: tenure.counters.clone(),
            tenure,
            clock,
            now,
            always,
            samples: SAVED_SAMPLES_MAX,
            counted_to_nanos: 0,
            unmeasured: 0,
            entered_at: None,
            entered_with: None,
            slow: always,
            last_handler: None,
            fresh: false,
            taken_until: None,
            has_yielded: false,
            learns: true,
        }
    }

    /// Books of their own for one piece of work on a service thread, which is always measured.
    pub(crate) fn exact(clock: Arc<dyn Clock>, now: Moment) -> Self {
        Self::new(Arc::default(), clock, now, true)
    }

    /// Of a thread that may wait: that a handler does is nothing to learn from.
    pub(crate) fn without_learning(mut self) -> Self {
        (self.learns, self.slow) = (false, false);
        self
    }

    /// A new wake-up, at `now`.
    #[inline]
    pub(crate) fn wake_up(&mut self, now: Moment) {
        self.counters.wake_ups.add(1);
        self.begin(now);
    }

    /// The next piece of work, at `now`.
    #[inline]
    pub(crate) fn begin(&mut self, now: Moment) {
        self.now = now;
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
        self.enter_endpoint(NO_ENDPOINT);
    }

    /// As [`Tally::enter`], for the endpoint of this number.
    #[inline]
    fn enter_endpoint(&mut self, endpoint: u32) {
        self.unmeasured += 1;
        if self.always || self.samples > 0 {
            self.samples = self.samples.saturating_sub(1);
            self.entered_at = Some(self.clock.now());
            self.entered_with = if self.slow { Some((cpu_time(), waits())) } else { None };
        }
        self.tenure.enter(endpoint);
    }

    /// User code is over.
    #[inline]
    pub(crate) fn leave(&mut self) {
        if self.tenure.leave() {
            self.taken();
        }
        if let Some(entered_at) = self.entered_at.take() {
            self.measured(entered_at);
        }
    }

    /// Calls a handler: into user code and out of it.
    #[inline(always)]
    pub(crate) fn call(&mut self, endpoint: &Endpoint, request: &mut Request<'_>, response: &mut Response) {
        self.enter_endpoint(endpoint.number());
        let returned = endpoint.call(request, response);
        self.leave();
        if !returned {
            self.panicked();
        }
    }

    /// User code panicked, and the fence around it held.
    #[cold]
    pub(crate) fn panicked(&self) {
        self.counters.handler_panics.add(1);
    }

    #[cold]
    fn taken(&mut self) {
        self.taken_until.get_or_insert_with(|| self.clock.now());
    }

    /// Whether the core was taken: whoever has it now serves everything but the connection in hand.
    #[inline]
    pub(crate) fn core_was_taken(&self) -> bool {
        self.taken_until.is_some()
    }

    /// The calling thread, a service thread, is about to burn CPU time: it gives way to all others from here on, and
    /// ends when its work is done.
    pub(crate) fn yield_to_others(&mut self) {
        self.has_yielded = true;
        if let Err(error) = corelay_poll::thread::lower_priority(corelay_poll::thread::current()) {
            tracing::debug!(%error, "a thread that burns CPU time keeps its priority");
        }
    }

    pub(crate) fn has_yielded(&self) -> bool {
        self.has_yielded
    }

    /// When this thread came back from the user code in which its core was taken.
    pub(crate) fn taken_until(&self) -> Option<Instant> {
        self.taken_until
    }

    #[cold]
    fn measured(&mut self, entered_at: Instant) {
        let spent = self.clock.now().saturating_duration_since(entered_at);
        let waited = self.entered_with.take().map(|(cpu_before, waits_before)| {
            // A thread that was only preempted has wanted to go on all the time.
            let off_cpu = spent.saturating_sub(cpu_time().saturating_sub(cpu_before));
            if waits() > waits_before { off_cpu } else { Duration::ZERO }
        });
        (self.last_handler, self.fresh) = (Some(Spent { time: spent, waited }), self.learns);
        self.slow = self.learns && (self.always || spent >= SLOW);
        let spent_ns = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        self.counters.handler_ns.add(spent_ns.saturating_mul(std::mem::take(&mut self.unmeasured)));
    }

    /// How long the last handler took that was measured.
    pub(crate) fn last_handler(&self) -> Option<Spent> {
        self.last_handler
    }

    /// The same, once, and only of the handler that has just returned.
    #[inline]
    pub(crate) fn take_measured(&mut self) -> Option<Spent> {
        if std::mem::take(&mut self.fresh) { self.last_handler } else { None }
    }
}
