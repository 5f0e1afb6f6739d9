//! Counts while a run lasts: distributions for requests, answer times for connections.

use crate::response::Answer;
use crate::{Distribution, ErrorCounts, ErrorKind, Total};
use std::collections::BTreeMap;
use std::time::Instant;

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

    /// Its length; a run that was ended early may have none.
    pub(crate) fn seconds(&self) -> f64 {
        (self.end - self.begin).as_secs_f64()
    }

    /// So many in it, per second.
    pub(crate) fn rate(&self, count: u64) -> f64 {
        if count == 0 { 0.0 } else { count as f64 / self.seconds() }
    }
}

/// Requests of one kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    answered: u64,
    answered_in_window: u64,
    errors: ErrorCounts,
    body_bytes: u64,
    /// A handful at most, the usual one first: looked for from the beginning.
    statuses: Vec<(u16, u64)>,
    /// Of calls that failed.
    codes: Vec<(&'static str, u64)>,
    latency: Distribution,
}

impl Tally {
    /// A request that was due at `due` ended well, after the warm-up.
    pub(crate) fn answered(&mut self, due: Instant, now: Instant, answer: Answer, window: &Window) {
        self.count_status(answer);
        self.answered += 1;
        self.answered_in_window += u64::from(window.contains(now));
        self.body_bytes += answer.body_bytes;
        self.latency.record(now.saturating_duration_since(due));
    }

    /// A whole answer, but not what was asked for, after the warm-up.
    pub(crate) fn refused(&mut self, answer: Answer) {
        self.count_status(answer);
        match answer.code {
            None => self.errors.count(ErrorKind::BadStatus),
            Some(code) => {
                add_to(&mut self.codes, code, 1);
                self.errors.count(ErrorKind::Rpc);
            }
        }
    }

    fn count_status(&mut self, answer: Answer) {
        if let Some(status) = answer.status {
            add_to(&mut self.statuses, status, 1);
        }
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
        other.statuses.iter().for_each(|&(status, count)| add_to(&mut self.statuses, status, count));
        other.codes.iter().for_each(|&(code, count)| add_to(&mut self.codes, code, count));
        self.latency.add(&other.latency);
    }

    /// Answered and failed so far.
    pub(crate) fn ended(&self) -> (u64, u64) {
        (self.answered, self.errors.total())
    }

    pub(crate) fn statuses(&self) -> BTreeMap<u16, u64> {
        self.statuses.iter().copied().collect()
    }

    pub(crate) fn codes(&self) -> BTreeMap<String, u64> {
        self.codes.iter().map(|&(code, count)| (code.to_owned(), count)).collect()
    }

    pub(crate) fn latency(&self) -> &Distribution {
        &self.latency
    }

    pub(crate) fn total(&self, window: &Window) -> Total {
        Total {
            requests: self.answered + self.errors.total(),
            answered: self.answered,
            errors: self.errors,
            per_second: window.rate(self.answered_in_window),
            body_bytes: self.body_bytes,
            latency: self.latency.summary(),
        }
    }
}

/// Adds to a count in a list of few.
fn add_to<K: PartialEq>(counts: &mut Vec<(K, u64)>, key: K, more: u64) {
    match counts.iter_mut().find(|(known, _)| *known == key) {
        Some((_, count)) => *count += more,
        None => counts.push((key, more)),
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
            return window.rate(self.count);
        };
        let between = (self.count - 1) as f64 / (last - first).as_secs_f64();
        between.min(self.count as f64 / (window.end - first).as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
        let mut tally = Tally::default();
        for kind in [ErrorKind::Reset, ErrorKind::Unanswered] {
            tally.failed(due, due + Duration::from_secs(2), kind);
        }
        let total = tally.total(&Window { begin: due, end: due + Duration::from_secs(1) });
        assert_eq!((total.requests, total.errors.total(), total.latency.count), (2, 2, 1));
        assert!(total.latency.max >= Duration::from_secs(2));
    }
}
