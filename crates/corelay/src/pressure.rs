//! Whether work waits too long, for too long: CoDel's question (RFC 8289), asked of requests.
//!
//! A queue that is long for a moment is a burst, and does no harm. One in which even those that are served next have waited
//! longer than a *target*, for a whole *interval*, stands: every request in it is late, and serving it makes the next one late
//! as well. From then on what has waited longer than the target is refused at once, until the wait is below the target again. So the server
//! does as much as it can, and what it does is done in time.
//!
//! How long a request has waited in its socket nobody tells. But pollers report in the order in which sockets became ready, and
//! a **round**, from one time that all which was ready had been reported to the next, is as long as anything waited in it. So
//! one reading of the clock a wake-up is enough to see a queue stand, and only while it does the clock is read more often.
//!
//! ```text
//!   wake-up                              wake-up                                    wake-up
//!   │ serve ─ serve ─ serve ─ … ─ serve  │ serve ─ serve │ refuse ─ refuse ─ … ─ re │ serve ─ serve │ …
//!   └──────────── a round ───────────────┴──── target ───┴──── cheap ───────────────┴───────────────────
//!     longer than the target, for an interval: it stands
//! ```

use crate::config::Shedding;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Waits that an average is of.
const AVERAGED: u64 = 32;

/// The wait for one core, listener or pool. Times are in nanoseconds since the server started.
///
/// Written by whoever serves; two at a time do no harm, for each of the values is a hint.
pub(crate) struct Pressure {
    target: u64,
    interval: u64,
    /// Since when the wait has been longer than the target. 0: it is not.
    above_since: AtomicU64,
    /// Of waits that are known one by one.
    average: AtomicU64,
    round_began: AtomicU64,
    /// Events of this round.
    reported: AtomicUsize,
    /// The last report was as long as one can be: more may be ready.
    more: AtomicBool,
}

/// What a poller has reported.
#[derive(Clone, Copy)]
pub(crate) struct Report {
    pub(crate) now: u64,
    pub(crate) events: usize,
    /// As many as can be reported at once.
    pub(crate) full: bool,
    /// For how long nothing was ready before.
    pub(crate) idle: u64,
    /// How many can be ready at all.
    pub(crate) open: usize,
}

impl Pressure {
    /// `None` where nothing is shed.
    pub(crate) fn of(shedding: &Shedding) -> Option<Self> {
        let target = nanos(shedding.target?);
        Some(Self {
            target,
            interval: nanos(shedding.interval),
            above_since: AtomicU64::new(0),
            average: AtomicU64::new(0),
            round_began: AtomicU64::new(0),
            reported: AtomicUsize::new(0),
            more: AtomicBool::new(false),
        })
    }

    /// A new wake-up. If all that was ready has been reported, a round has ended, and another one begins.
    pub(crate) fn report(&self, report: Report) {
        let Report { now, events, full, idle, open } = report;
        let reported = self.reported.load(Relaxed) + events;
        // Each that is ready is reported once a round, so a round has ended when more were than there are.
        if self.more.load(Relaxed) && reported <= open {
            self.reported.store(reported, Relaxed);
        } else {
            let round = now.saturating_sub(self.round_began.load(Relaxed)).saturating_sub(idle);
            self.stands(now, round);
            self.round_began.store(now, Relaxed);
            self.reported.store(events, Relaxed);
        }
        self.more.store(full, Relaxed);
    }

    /// Whether the queue stands, as far as is known without looking at the clock.
    pub(crate) fn may_stand(&self) -> bool {
        self.above_since.load(Relaxed) != 0
    }

    /// Whether what is served at `now` is late: it has waited for longer than the target in a queue that stands.
    pub(crate) fn is_late(&self, now: u64) -> bool {
        let waited = now.saturating_sub(self.round_began.load(Relaxed));
        waited >= self.target && self.stands(now, waited)
    }

    /// The same of something that is known to have waited since `since`.
    ///
    /// Where a scheduler chooses who is next, some are always lucky. So it is the average that says whether the queue stands, and
    /// it stands until that is well below the target.
    pub(crate) fn is_late_since(&self, now: u64, since: u64) -> bool {
        let waited = now.saturating_sub(since);
        let before = self.average.load(Relaxed);
        let average = before - before / AVERAGED + waited / AVERAGED;
        self.average.store(average, Relaxed);
        let between = (self.target / 2..self.target).contains(&average);
        let stands = if between { self.has_stood(now) } else { self.stands(now, average) };
        stands && waited >= self.target
    }

    /// Whether it has for an interval, by what is noted.
    fn has_stood(&self, now: u64) -> bool {
        let since = self.above_since.load(Relaxed);
        since != 0 && now.saturating_sub(since) >= self.interval
    }

    /// Notes a wait. Whether for an interval no shorter one was seen than the target.
    fn stands(&self, now: u64, waited: u64) -> bool {
        let Some(above) = waited.checked_sub(self.target) else {
            self.above_since.store(0, Relaxed);
            return false;
        };
        if self.above_since.load(Relaxed) == 0 {
            self.above_since.store(now.saturating_sub(above).max(1), Relaxed);
        }
        self.has_stood(now)
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]
    use super::*;

    const MS: u64 = 1_000_000;

    /// A target of 50 ms and an interval of 100.
    fn pressure() -> Pressure {
        let [target, interval] = [50, 100].map(Duration::from_millis);
        Pressure::of(&Shedding { target: Some(target), interval }).unwrap()
    }

    /// Wakes up at `now` to `events` of 1000 connections, having been busy until then.
    fn report(pressure: &Pressure, now: u64, events: usize) {
        pressure.report(Report { now: now * MS, events, full: events == 100, idle: 0, open: 1000 });
    }

    #[test]
    fn short_rounds_are_never_late() {
        let pressure = pressure();
        for round in 0..100 {
            report(&pressure, 1000 + round * 40, 50);
            assert!(!pressure.is_late((1000 + round * 40 + 39) * MS));
        }
    }

    #[test]
    fn a_burst_shorter_than_an_interval_is_served() {
        let pressure = pressure();
        report(&pressure, 1000, 1);
        report(&pressure, 1010, 50);
        assert!(!pressure.is_late(1150 * MS), "above the target for 90 ms");
        report(&pressure, 1150, 20);
        report(&pressure, 1160, 20);
        assert!(!pressure.is_late(1250 * MS), "the next round was short: it did not stand");
    }

    #[test]
    fn in_a_queue_that_stands_each_round_serves_for_the_target() {
        let pressure = pressure();
        for now in [1000, 1060, 1120, 1180, 1240] {
            report(&pressure, now, 50);
        }
        assert!(!pressure.is_late(1289 * MS), "the first of the round are served");
        assert!(pressure.is_late(1290 * MS), "those behind have waited for too long");
        report(&pressure, 1295, 50);
        assert!(!pressure.is_late(1344 * MS) && pressure.is_late(1345 * MS), "and so on");
        report(&pressure, 1345, 5);
        report(&pressure, 1350, 5);
        assert!(!pressure.is_late(1420 * MS), "a round was short again: it stands no longer");
    }

    #[test]
    fn a_round_lasts_until_all_that_was_ready_is_reported() {
        let pressure = pressure();
        for round in 0..10 {
            report(&pressure, 1000 + round * 20, 100);
        }
        assert!(pressure.is_late(1200 * MS), "ten reports of 100 are a round of 200 ms");
        report(&pressure, 1200, 100);
        assert!(!pressure.is_late(1249 * MS), "1000 connections have been reported: another round");
    }

    #[test]
    fn who_slept_had_nothing_waiting() {
        let pressure = pressure();
        for second in 1..10 {
            let (now, idle) = (second * 1000 * MS, 990 * MS);
            pressure.report(Report { now, events: 1, full: false, idle, open: 10 });
            assert!(!pressure.is_late(now + 60 * MS), "it begins to be late only now");
        }
    }

    #[test]
    fn where_waits_are_known_the_average_says_whether_the_queue_stands() {
        let pressure = pressure();
        let late = |now: u64, waited: u64| pressure.is_late_since(now * MS, (now - waited) * MS);
        let any_late = |from: u64, waited: u64| (from..from + 100).any(|now| late(now, waited));
        assert!(!any_late(1000, 80), "above the target for less than 100 ms");
        assert!(late(1150, 80));
        assert!(!late(1151, 1), "one that is lucky is served");
        assert!(late(1152, 80), "and changes nothing for the others");
        assert!(!any_late(1200, 1) && !late(1300, 80), "the average is short again");
    }
}
