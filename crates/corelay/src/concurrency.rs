//! How many service threads may be busy at a time: fewer than the cap, while more would only be in each other's way.
//!
//! A thread that sleeps in its handler costs others nothing; one that wants a processor and has none makes every other wait. So
//! what is looked at is how long a piece of work waited against its will: from when it was assigned until its thread ran, and
//! after that in run queues. Time that a handler spends waiting for a database is the program's own business.
//!
//! ```text
//!   ┌─ doubles, a quarter of an interval apart, while work is turned away ─┐
//!   ▼                                                                      │   even the luckiest of an interval
//!  free ───────────────────────────────────────────────────────────────────┘   waited for longer than the target
//!   │  ▲ ten seconds without that                                                        │
//!   │  └──────────────── held: grows by an eighth an interval while work is turned away ◀┘
//!   └───────────────────▶      and more gets done; else goes back                         at once: as many as are done in
//!                                                                                         the time of the target
//! ```

use crate::config::Shedding;
use crate::pressure::nanos;
use crate::sync::lock;
use std::sync::Mutex;

/// Threads for each processor to begin with, and the fewest there are.
const FIRST_PER_CPU: usize = 16;
const LEAST_PER_CPU: usize = 1;
/// Intervals without a late one until growth is free again.
const HELD_INTERVALS: u32 = 100;
/// Intervals to rest after growth that did not help.
const REST_INTERVALS: u32 = 10;

/// The limit, and what it is judged by. Times are in nanoseconds since the server started.
pub(crate) struct Concurrency {
    target: u64,
    interval: u64,
    least: usize,
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    limit: usize,
    grown_at: u64,
    /// Intervals until growth is free.
    held: u32,
    /// Intervals until growth is tried at all.
    resting: u32,
    /// The limit before it grew, and what was done in a second then.
    grown_from: Option<(usize, u64)>,
    interval: Interval,
}

/// What happened in the present interval.
#[derive(Default)]
struct Interval {
    began: u64,
    done: u64,
    least_wait: Option<u64>,
    turned_away: bool,
}

impl Concurrency {
    /// `None` where nothing is shed.
    pub(crate) fn of(shedding: &Shedding, cpus: usize, most: usize) -> Option<Self> {
        let state = State { limit: (cpus * FIRST_PER_CPU).min(most), ..State::default() };
        Some(Self {
            target: nanos(shedding.target?),
            interval: nanos(shedding.interval),
            least: (cpus * LEAST_PER_CPU).clamp(1, most.max(1)),
            most,
            state: Mutex::new(state),
        })
    }

    pub(crate) fn limit(&self) -> usize {
        lock(&self.state).limit
    }

    /// Whether one more may be busy besides `busy`.
    pub(crate) fn has_room(&self, busy: usize, now: u64) -> bool {
        let mut state = lock(&self.state);
        if busy < state.limit {
            return true;
        }
        state.interval.turned_away = true;
        let may_double = state.held == 0 && now.saturating_sub(state.grown_at) >= self.interval / 4;
        if state.limit < self.most && may_double {
            (state.limit, state.grown_at) = ((state.limit * 2).min(self.most), now);
        }
        // At the cap itself it is not for this to say.
        busy < state.limit || state.limit == self.most
    }

    /// A piece of work is done that has waited for `waited` in all.
    pub(crate) fn done(&self, waited: u64, now: u64) {
        let mut state = lock(&self.state);
        let interval = &mut state.interval;
        let passed = now.saturating_sub(interval.began);
        if passed >= 2 * self.interval {
            // Little is done, or there was a pause: an interval begins here.
            *interval = Interval { began: now, ..Interval::default() };
        }
        interval.done += 1;
        interval.least_wait = Some(interval.least_wait.map_or(waited, |least| least.min(waited)));
        if (self.interval..2 * self.interval).contains(&passed) {
            let next = Interval { began: now, ..Interval::default() };
            let ended = std::mem::replace(interval, next);
            self.judge(&mut state, &ended, passed);
        }
    }

    fn judge(&self, state: &mut State, ended: &Interval, passed: u64) {
        let done_per_second = ended.done.saturating_mul(1_000_000_000) / passed.max(1);
        (state.held, state.resting) = (state.held.saturating_sub(1), state.resting.saturating_sub(1));
        if ended.least_wait.is_some_and(|least| least > self.target) {
            let in_time = u128::from(done_per_second) * u128::from(self.target) / 1_000_000_000;
            let in_time = usize::try_from(in_time).unwrap_or(usize::MAX);
            state.limit = in_time.max(self.least).min(state.limit);
            (state.held, state.resting, state.grown_from) = (HELD_INTERVALS, 1, None);
            return;
        }
        if let Some((before, done_before)) = state.grown_from.take()
            && done_per_second <= done_before
        {
            (state.limit, state.resting) = (before, REST_INTERVALS);
        }
        if state.held > 0 && state.resting == 0 && ended.turned_away {
            state.grown_from = Some((state.limit, done_per_second));
            state.limit = (state.limit + state.limit / 8 + 1).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]
    use super::*;
    use std::time::Duration;

    const MS: u64 = 1_000_000;

    /// A target of 50 ms, an interval of 100, two processors and a cap of 1000.
    fn concurrency() -> Concurrency {
        let [target, interval] = [50, 100].map(Duration::from_millis);
        Concurrency::of(&Shedding { target: Some(target), interval }, 2, 1000).unwrap()
    }

    /// An interval from `at` in which `done` pieces of work waited that long, and as many more were wanted as `wanted`.
    fn interval(concurrency: &Concurrency, at: u64, (done, waited): (u64, u64), busy: usize) {
        concurrency.has_room(busy, at * MS);
        for number in 1..=done {
            concurrency.done(waited * MS, at * MS + 100 * MS * number / done);
        }
    }

    /// What waits for processors: 400 a second are done.
    fn crowded() -> Concurrency {
        let concurrency = concurrency();
        concurrency.done(0, 1000 * MS);
        interval(&concurrency, 1000, (40, 75), 32);
        interval(&concurrency, 1100, (40, 75), 32);
        concurrency
    }

    #[test]
    fn work_that_sleeps_gets_all_threads_within_two_intervals() {
        let concurrency = concurrency();
        let mut busy = 0;
        for at in 1000..1200 {
            while concurrency.has_room(busy, at * MS) && busy < 1000 {
                busy += 1;
            }
        }
        assert_eq!((busy, concurrency.limit()), (1000, 1000));
    }

    #[test]
    fn work_that_waits_for_processors_gets_as_many_as_are_done_in_time() {
        let concurrency = crowded();
        assert_eq!(concurrency.limit(), 20, "400 a second, for 50 ms");
        assert!(
            concurrency.has_room(19, 1200 * MS) && !concurrency.has_room(20, 2000 * MS),
            "and it does not double"
        );
    }

    #[test]
    fn a_held_limit_grows_only_while_more_gets_done() {
        let concurrency = crowded();
        interval(&concurrency, 1200, (40, 10), 20);
        assert_eq!(concurrency.limit(), 23, "tried");
        interval(&concurrency, 1300, (50, 10), 23);
        assert_eq!(concurrency.limit(), 26, "more was done: further");
        interval(&concurrency, 1400, (50, 10), 26);
        assert_eq!(concurrency.limit(), 23, "no more was done: back");
        interval(&concurrency, 1500, (50, 10), 23);
        assert_eq!(concurrency.limit(), 23, "and at rest");
    }

    #[test]
    fn nobody_is_turned_away_for_what_is_long_past() {
        let concurrency = crowded();
        for at in 0..u64::from(HELD_INTERVALS) {
            interval(&concurrency, 1200 + at * 100, (1, 0), 0);
        }
        assert!(concurrency.has_room(20, 1_000_000 * MS), "growth is free again");
    }
}
