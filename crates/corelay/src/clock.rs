//! Time, injected: the server reads the clock through this trait and nowhere else.
//!
//! A core reads it once a wake-up and hands the reading down; deadlines are counted in [`Tick`]s, so that a
//! connection holds four bytes of time and comparing costs an integer compare. Tests drive a clock of their own.

use std::time::{Duration, Instant, SystemTime};

/// Where a server's time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Monotonic time: deadlines.
    fn now(&self) -> Instant;
    /// Wall-clock time: the `Date` field, read once a second.
    fn wall(&self) -> SystemTime;
}

/// The operating system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A coarse moment: 2^26 ns (67 ms) units since the server started.
///
/// Coarse on purpose: a deadline is late by at most two ticks, never early, and every request that moves an idle
/// deadline writes one `u32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Tick(pub(crate) u32);

/// Nanoseconds in a tick, as a power of two.
const TICK_SHIFT: u32 = 26;

impl Tick {
    /// Ticks that last at least `duration` from anywhere within the present one: a deadline is never early.
    pub(crate) fn spanning(duration: Duration) -> u32 {
        let ticks = (duration.as_nanos() >> TICK_SHIFT) + 2;
        u32::try_from(ticks).unwrap_or(u32::MAX / 2).min(u32::MAX / 2)
    }

    /// How long so many of them last.
    pub(crate) fn nanos_in(ticks: u32) -> u64 {
        u64::from(ticks) << TICK_SHIFT
    }

    pub(crate) fn after(self, ticks: u32) -> Self {
        Self(self.0.saturating_add(ticks))
    }
}

/// One reading of the clock, as a core uses it for a whole wake-up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    /// Nanoseconds since the server's [`Epoch`]: what is compared on the hot path.
    pub(crate) nanos: u64,
    pub(crate) tick: Tick,
}

/// The moment ticks are counted from: one per server, so that a connection's deadline means the same on every core.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(Instant);

impl Epoch {
    pub(crate) fn starting(now: Instant) -> Self {
        Self(now)
    }

    pub(crate) fn moment(self, instant: Instant) -> Moment {
        let elapsed = instant.saturating_duration_since(self.0);
        let nanos =
            elapsed.as_secs().saturating_mul(1_000_000_000).saturating_add(elapsed.subsec_nanos().into());
        Moment { instant, nanos, tick: Tick(u32::try_from(nanos >> TICK_SHIFT).unwrap_or(u32::MAX)) }
    }

    /// How long from `now` until `tick` has begun.
    pub(crate) fn until(self, tick: Tick, now: Instant) -> Duration {
        let due = self.0 + Duration::from_nanos(u64::from(tick.0) << TICK_SHIFT);
        due.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_early_and_late_by_at_most_two_ticks() {
        let start = Instant::now();
        let epoch = Epoch::starting(start);
        let tick = Duration::from_nanos(1 << TICK_SHIFT);
        for offset_ms in [0, 1, 66, 67, 68, 1000] {
            let set_at = start + Duration::from_millis(offset_ms);
            for wait_ms in [0, 1, 50, 67, 100, 5000] {
                let wait = Duration::from_millis(wait_ms);
                let deadline = epoch.moment(set_at).tick.after(Tick::spanning(wait));
                let left = epoch.until(deadline, set_at);
                assert!(left >= wait, "{left:?} is before {wait:?}");
                assert!(left <= wait + tick * 2, "{left:?} is long after {wait:?}");
            }
        }
    }

    #[test]
    fn a_far_deadline_saturates() {
        assert_eq!(Tick(5).after(Tick::spanning(Duration::MAX)), Tick(5 + u32::MAX / 2));
    }
}
