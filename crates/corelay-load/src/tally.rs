//! Counts while a run lasts: histograms for paths, answer times for connections.

use crate::response::Answer;
use crate::{ErrorCounts, ErrorKind, Latency, Total};
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

/// What is told apart, and the longest that is: in between, three significant digits.
const FINEST: Duration = Duration::from_micros(1);
const LONGEST: Duration = Duration::from_secs(3600);

/// What is measured, from when to when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) begin: Instant,
    pub(crate) end: Instant,
}

impl Window {
    pub(crate) fn contains(&self, moment: Instant) -> bool {
        (self.begin..self.end).contains(&moment)
    }

    pub(crate) fn seconds(&self) -> f64 {
        (self.end - self.begin).as_secs_f64()
    }
}

/// Times, to three digits.
#[derive(Debug, Clone)]
pub(crate) struct Times(Histogram<u64>);

impl Times {
    pub(crate) fn new() -> Self {
        let bounds = (FINEST.as_nanos() as u64, LONGEST.as_nanos() as u64);
        Self(
            Histogram::new_with_bounds(bounds.0, bounds.1, 3)
                .expect("the bounds are constants that it takes"),
        )
    }

    pub(crate) fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all have the same bounds");
    }

    pub(crate) fn summary(&self) -> Latency {
        let at = |quantile| Duration::from_nanos(self.0.value_at_quantile(quantile));
        Latency {
            count: self.0.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            p99_99: at(0.9999),
            max: Duration::from_nanos(self.0.max()),
        }
    }
}

/// Requests of one path.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    answered: u64,
    answered_in_window: u64,
    errors: ErrorCounts,
    body_bytes: u64,
    latency: Times,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let errors = ErrorCounts::default();
        Self { answered: 0, answered_in_window: 0, errors, body_bytes: 0, latency: Times::new() }
    }

    /// A request that was due at `due` ended well, after the warm-up.
    pub(crate) fn answered(&mut self, due: Instant, now: Instant, answer: Answer, window: &Window) {
        self.answered += 1;
        self.answered_in_window += u64::from(window.contains(now));
        self.body_bytes += answer.body_bytes;
        self.latency.record(now.saturating_duration_since(due));
    }

    /// A request that was due at `due` failed, after the warm-up.
    pub(crate) fn failed(&mut self, due: Instant, now: Instant, kind: ErrorKind) {
        self.errors.count(kind);
        if matches!(kind, ErrorKind::Timeout | ErrorKind::Unanswered) {
            self.latency.record(now.saturating_duration_since(due));
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.answered_in_window += other.answered_in_window;
        self.errors.add(&other.errors);
        self.body_bytes += other.body_bytes;
        self.latency.add(&other.latency);
    }

    pub(crate) fn total(&self, window: &Window) -> Total {
        Total {
            requests: self.answered + self.errors.total(),
            answered: self.answered,
            errors: self.errors,
            per_second: self.answered_in_window as f64 / window.seconds(),
            body_bytes: self.body_bytes,
            latency: self.latency.summary(),
        }
    }
}

/// When one connection had answers, within the measured time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Answers {
    count: u64,
    first_and_last: Option<(Instant, Instant)>,
}

impl Answers {
    pub(crate) fn count(&mut self, now: Instant, window: &Window) {
        if window.contains(now) {
            self.count += 1;
            self.first_and_last = Some((self.first_and_last.map_or(now, |(first, _)| first), now));
        }
    }

    /// Answers per second: those after the first, over the time from first to last; or, where the wait since the last was
    /// longer than usual, as if the next had come when the time was over.
    pub(crate) fn per_second(&self, window: &Window) -> f64 {
        let Some((first, last)) = self.first_and_last.filter(|_| self.count > 1) else {
            return self.count as f64 / window.seconds();
        };
        let between = (self.count - 1) as f64 / (last - first).as_secs_f64();
        between.min(self.count as f64 / (window.end - first).as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connections_rate_is_not_rounded_to_whole_answers() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let window = Window { begin, end: at(1_500) };
        let rate = |moments: &[u64]| {
            let mut answers = Answers::default();
            moments.iter().for_each(|&ms| answers.count(at(ms), &window));
            answers.per_second(&window)
        };
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        close(rate(&(0..15).map(|n| 99 + n * 100).collect::<Vec<_>>()), 10.0);
        close(rate(&[100, 200, 300]), 3.0 / 1.4);
        close(rate(&[700]), 1.0 / 1.5);
        close(rate(&[1_500]), 0.0);
    }

    #[test]
    fn what_waited_in_vain_is_in_the_distribution_and_what_broke_is_not() {
        let due = Instant::now();
        let mut tally = Tally::new();
        for kind in [ErrorKind::Reset, ErrorKind::Unanswered] {
            tally.failed(due, due + Duration::from_secs(2), kind);
        }
        let total = tally.total(&Window { begin: due, end: due + Duration::from_secs(1) });
        assert_eq!((total.requests, total.errors.total(), total.latency.count), (2, 2, 1));
        assert!(total.latency.max >= Duration::from_secs(2));
    }
}
