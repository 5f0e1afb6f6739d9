//! Balance of work between cores: the busiest passes its hottest connections to the least busy.
//!
//! A core gets its connections when they are accepted, and long-lived ones pile up: what was even by count may be far from
//! even by work. When the busiest core, by its [gauge](super::gauges), was
//! ahead of the least busy by [`MARGIN`] in [`WINDOWS_AHEAD`] windows in a row, it is asked to share; while they are counted, it
//! counts how often each of its connections is served. It gives so many away that both would be equally busy, the hottest
//! first, and none that is hotter than what is to be given: that one would only carry the imbalance along. After that
//! there is a rest, so that what was moved shows before more is.
//!
//! Deliberately absent: moving for the sake of counts, moving for less than the margin, and more than two cores at a time.

use super::Core;
use super::gauges::{Gauge, Gauges, Window};
use crate::shared::Shared;
use crate::status::Phase;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How far ahead the busiest must be, in thousandths of a processor.
const MARGIN: u32 = 250;
/// In so many windows in a row, half a second.
const WINDOWS_AHEAD: u32 = 5;
/// Windows without a look after connections were moved, one second.
const WINDOWS_OF_REST: u32 = 10;

/// What the busiest core is to give away.
pub(crate) struct Share {
    pub(crate) to: Arc<Core>,
    /// The part of its work, in thousandths.
    pub(crate) part: u32,
}

/// Watches how busy the cores of one server are.
#[derive(Default)]
pub(super) struct Balance {
    ahead: Option<Ahead>,
    rest: u32,
}

/// How far one core is ahead of another.
struct Ahead {
    busiest: usize,
    windows: u32,
}

impl Balance {
    /// After a window.
    pub(super) fn look(&mut self, window: Window, gauges: &Gauges, server: &Shared) {
        if window != Window::Known || server.phase() != Phase::Serving {
            self.ahead = None;
        } else if self.rest > 0 {
            self.rest -= 1;
        } else {
            self.compare(&gauges.gauges);
        }
    }

    fn compare(&mut self, gauges: &[Gauge]) {
        let busy = |index: &usize| gauges[*index].core.busy.load(Ordering::Relaxed);
        let indexes = 0..gauges.len();
        let (Some(busiest), Some(idlest)) = (indexes.clone().max_by_key(busy), indexes.min_by_key(busy))
        else {
            return;
        };
        let (most, least) = (busy(&busiest), busy(&idlest));
        if most.saturating_sub(least) < MARGIN {
            self.ahead = None;
            return;
        }
        let windows = match &self.ahead {
            Some(ahead) if ahead.busiest == busiest => ahead.windows + 1,
            _ => 1,
        };
        self.ahead = Some(Ahead { busiest, windows });
        let source = &gauges[busiest].core;
        if windows == 1 {
            source.send(super::Message::Measure);
        } else if windows > WINDOWS_AHEAD {
            let to = gauges[idlest].core.clone();
            let part = (most - least) * 500 / most;
            source.send(super::Message::Share(Share { to, part }));
            (self.ahead, self.rest) = (None, WINDOWS_OF_REST);
        }
    }
}

/// Which of `heats` to give away, by index: the hottest first, none hotter than what is still to be given, of
/// `part` thousandths of all.
pub(super) fn hottest(heats: &[u32], part: u32) -> Vec<usize> {
    let all: u64 = heats.iter().map(|heat| u64::from(*heat)).sum();
    let mut left = all * u64::from(part) / 1000;
    let mut order: Vec<usize> = (0..heats.len()).filter(|index| heats[*index] > 0).collect();
    order.sort_unstable_by_key(|index| std::cmp::Reverse(heats[*index]));
    order.retain(|index| {
        let heat = u64::from(heats[*index]);
        let fits = heat <= left;
        left -= if fits { heat } else { 0 };
        fits
    });
    order
}

#[cfg(test)]
mod tests {
    use super::hottest;
    use proptest::prelude::*;

    #[test]
    fn of_equally_hot_ones_as_many_as_make_the_part() {
        assert_eq!(hottest(&[10; 8], 500).len(), 4);
        assert_eq!(hottest(&[10; 8], 250).len(), 2);
    }

    #[test]
    fn the_only_hot_one_stays() {
        assert!(hottest(&[0, 1000, 0], 500).is_empty());
        assert_eq!(hottest(&[1, 1000, 2], 500), [2, 0], "it is the others that go");
    }

    #[test]
    fn the_hottest_that_fit_go_first() {
        assert_eq!(hottest(&[1, 50, 30, 20], 500), [1]);
        assert_eq!(hottest(&[60, 25, 15], 450), [1, 2]);
    }

    proptest! {
        #[test]
        fn never_more_than_the_part_and_nothing_cold(
            heats in prop::collection::vec(0..10_000_u32, 0..50), part in 0..=500_u32,
        ) {
            let moved = hottest(&heats, part);
            let all: u64 = heats.iter().map(|heat| u64::from(*heat)).sum();
            let given: u64 = moved.iter().map(|index| u64::from(heats[*index])).sum();
            prop_assert!(given <= all * u64::from(part) / 1000);
            prop_assert!(moved.iter().all(|index| heats[*index] > 0));
        }
    }
}
