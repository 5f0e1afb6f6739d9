//! When an open loop's requests are due: arithmetic, no clock and no queue.
//!
//! Request `n` of a group is due at `start + n / rate` and belongs to connection `n mod connections`. So the requests
//! that wait for a busy connection need no storage: the connection knows how many it has sent, and each next one knows
//! its own moment, however long ago. That moment is where its latency counts from. The moments of a Poisson process depend
//! on those before them, so these are drawn at the beginning and kept.

use std::time::{Duration, Instant};

/// The moments of one group.
#[derive(Debug)]
pub(crate) struct Schedule {
    start: Instant,
    end: Instant,
    connections: u64,
    moments: Moments,
    /// The first request whose connection has not been told.
    next: u64,
}

/// Nanoseconds from the start to each request.
#[derive(Debug)]
enum Moments {
    Even { apart: f64 },
    Drawn(Vec<u64>),
}

impl Schedule {
    /// Requests due from `start`, before `end`, evenly spaced.
    pub(crate) fn even(requests_per_second: f64, connections: u32, start: Instant, end: Instant) -> Self {
        let moments = Moments::Even { apart: 1e9 / requests_per_second };
        Self { start, end, connections: u64::from(connections), moments, next: 0 }
    }

    /// The same, with exponentially distributed times between them, drawn from `seed`.
    pub(crate) fn poisson(
        requests_per_second: f64,
        connections: u32,
        start: Instant,
        end: Instant,
        seed: u64,
    ) -> Self {
        let (mut random, mut after) = (fastrand::Rng::with_seed(seed), 0.0);
        let last = end.saturating_duration_since(start).as_nanos() as f64;
        let draw = || {
            // 1 - f64() is above 0, and its logarithm a number.
            after -= (1.0 - random.f64()).ln() * 1e9 / requests_per_second;
            (after < last).then_some(after as u64)
        };
        let moments = Moments::Drawn(std::iter::from_fn(draw).collect());
        Self { start, end, connections: u64::from(connections), moments, next: 0 }
    }

    /// When the `turn`th request of a connection is due; `None` if that is not before the end.
    pub(crate) fn due(&self, connection: u32, turn: u64) -> Option<Instant> {
        self.moment(turn * self.connections + u64::from(connection))
    }

    /// When some connection is next to be told.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.moment(self.next)
    }

    /// The connection whose request is due by `now`, once for each request.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<u32> {
        self.next_due().filter(|&due| due <= now)?;
        let connection = self.next % self.connections;
        self.next += 1;
        Some(connection as u32)
    }

    /// Nothing is due from that moment on.
    pub(crate) fn cut(&mut self, end: Instant) {
        self.end = self.end.min(end);
    }

    fn moment(&self, number: u64) -> Option<Instant> {
        let after = match &self.moments {
            Moments::Even { apart } => (number as f64 * apart) as u64,
            Moments::Drawn(moments) => *moments.get(usize::try_from(number).ok()?)?,
        };
        self.start.checked_add(Duration::from_nanos(after)).filter(|&due| due < self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_turns_evenly_and_the_end_is_not_due() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut schedule = Schedule::even(100.0, 4, start, at(100));
        assert_eq!(schedule.due(0, 0), Some(at(0)));
        assert_eq!(schedule.due(3, 0), Some(at(30)));
        assert_eq!(schedule.due(1, 2), Some(at(90)));
        assert_eq!(schedule.due(2, 2), None);
        let told: Vec<_> = std::iter::from_fn(|| schedule.take_due(at(35))).collect();
        assert_eq!(told, [0, 1, 2, 3]);
        assert_eq!(schedule.next_due(), Some(at(40)));
        let told: Vec<_> = std::iter::from_fn(|| schedule.take_due(at(1_000))).collect();
        assert_eq!(told, [0, 1, 2, 3, 0, 1]);
        assert_eq!(schedule.next_due(), None);
    }

    #[test]
    fn poisson_moments_have_their_mean_and_their_spread_and_the_seed_repeats_them() {
        let start = Instant::now();
        let draw = |seed| {
            let end = start + Duration::from_secs(100);
            let schedule = Schedule::poisson(100.0, 1, start, end, seed);
            (0..).map_while(|turn| schedule.due(0, turn)).collect::<Vec<_>>()
        };
        let moments = draw(7);
        // Mean 10,000, standard deviation 100. Of the gaps e^-1 = 36.8 % are longer than the mean gap: evenly spaced ones
        // would all or none be. The seed makes both one number; this says they are sane ones.
        assert!((9_700..10_300).contains(&moments.len()), "{}", moments.len());
        let long = moments.windows(2).filter(|pair| pair[1] - pair[0] > Duration::from_millis(10)).count();
        assert!((3_400..3_950).contains(&long), "{long}");
        assert!(moments.is_sorted());
        assert_eq!(moments, draw(7));
        assert_ne!(moments, draw(8));
    }
}
