//! Balance of work between cores: the busiest passes its hottest connections to the least busy.
//!
//! A core gets its connections when they are accepted, and long-lived ones pile up: what was even by count may be far from
//! even by work. The monitor reads for how much of the last [`WINDOW`] each owner has wanted its processor: CPU time alone would
//! show a core whose processor others use as idle, and pile more onto it. When the busiest core was
//! ahead of the least busy by [`MARGIN`] in [`WINDOWS_AHEAD`] windows in a row, it is asked to share; while they are counted, it
//! counts how often each of its connections is served. It gives so many away that both would be equally busy, the hottest
//! first, and none that is hotter than what is to be given: that one would only carry the imbalance along. After that
//! there is a rest, so that what was moved shows before more is.
//!
//! Deliberately absent: moving for the sake of counts, moving for less than the margin, and more than two cores at a time.

use super::Core;
use crate::shared::Shared;
use crate::status::Phase;
use corelay_poll::thread::Probe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Over which it is read how busy a core is.
pub(super) const WINDOW: Duration = Duration::from_millis(100);
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
pub(super) struct Balance {
    gauges: Vec<Gauge>,
    window_began: Instant,
    ahead: Option<Ahead>,
    rest: u32,
}

/// How far one core is ahead of another.
struct Ahead {
    busiest: usize,
    windows: u32,
}

/// Reads how busy one core's owner is.
struct Gauge {
    core: Arc<Core>,
    probe: Option<(u32, Probe)>,
    wanted: Duration,
}

impl Balance {
    /// `None` where there is nothing to balance.
    pub(super) fn between(cores: &[Arc<Core>]) -> Option<Self> {
        let gauges = cores
            .iter()
            .map(|core| Gauge { core: core.clone(), probe: None, wanted: Duration::ZERO })
            .collect();
        let balance = Self { gauges, window_began: Instant::now(), ahead: None, rest: 0 };
        (cores.len() > 1).then_some(balance)
    }

    /// To be called often; looks once a window.
    pub(super) fn look(&mut self, now: Instant, server: &Shared) {
        let passed = now.saturating_duration_since(self.window_began);
        if passed < WINDOW {
            return;
        }
        self.window_began = now;
        let mut known = true;
        for gauge in &mut self.gauges {
            known &= gauge.read(passed);
        }
        // After a nap of the monitor's the window is no window.
        if !known || passed > 3 * WINDOW || server.phase() != Phase::Serving {
            self.ahead = None;
            return;
        }
        if self.rest > 0 {
            self.rest -= 1;
            return;
        }
        self.compare();
    }

    fn compare(&mut self) {
        let busy = |index: &usize| self.gauges[*index].core.busy.load(Ordering::Relaxed);
        let indexes = 0..self.gauges.len();
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
        let source = &self.gauges[busiest].core;
        if windows == 1 {
            source.send(super::Message::Measure);
        } else if windows > WINDOWS_AHEAD {
            let to = self.gauges[idlest].core.clone();
            let part = (most - least) * 500 / most;
            source.send(super::Message::Share(Share { to, part }));
            (self.ahead, self.rest) = (None, WINDOWS_OF_REST);
        }
    }
}

impl Gauge {
    /// Publishes how busy the core was in the last `passed`. `false`: nobody knows, for its owner is new since then.
    fn read(&mut self, passed: Duration) -> bool {
        let thread = self.core.tenancy.owner().thread.load(Ordering::Relaxed);
        let known = self.probe.as_ref().is_some_and(|(of, _)| *of == thread);
        if !known {
            self.probe = Probe::of(thread).ok().map(|probe| (thread, probe));
        }
        let wanted = self.probe.as_ref().and_then(|(_, probe)| probe.wanted_time().ok()).unwrap_or_default();
        let used = if known { wanted.saturating_sub(self.wanted) } else { Duration::ZERO };
        self.wanted = wanted;
        let thousandths = used.as_micros() * 1000 / passed.as_micros().max(1);
        self.core.busy.store(u32::try_from(thousandths).unwrap_or(1000).min(1000), Ordering::Relaxed);
        known
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
