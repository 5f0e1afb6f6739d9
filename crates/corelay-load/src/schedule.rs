//! When an open loop's requests are due: arithmetic, no clock and no queue.
//!
//! Request `n` of a group is due at `start + n / rate` and belongs to connection `n mod connections`. So the requests
//! that wait for a busy connection need no storage: the connection knows how many it has sent, and each next one knows
//! its own moment, however long ago. That moment is where its latency counts from.

use std::time::{Duration, Instant};

/// The moments of one group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    start: Instant,
    end: Instant,
    connections: u64,
    nanoseconds_apart: f64,
    /// The first request whose connection has not been told.
    next: u64,
}

impl Schedule {
    /// Requests due from `start`, before `end`.
    pub(crate) fn new(requests_per_second: f64, connections: u32, start: Instant, end: Instant) -> Self {
        let nanoseconds_apart = 1e9 / requests_per_second;
        Self { start, end, connections: u64::from(connections), nanoseconds_apart, next: 0 }
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

    fn moment(&self, number: u64) -> Option<Instant> {
        let after = Duration::from_nanos((number as f64 * self.nanoseconds_apart) as u64);
        self.start.checked_add(after).filter(|&due| due < self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_turns_evenly_and_the_end_is_not_due() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut schedule = Schedule::new(100.0, 4, start, at(100));
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
}
