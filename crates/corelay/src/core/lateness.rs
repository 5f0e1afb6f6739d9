//! Work that waits for a core for too long: the owner's part in [`pressure`](crate::pressure).

use super::owner::{EVENTS_PER_WAIT, Owner};
use crate::pressure::Report;
use std::sync::atomic::Ordering;

/// While all is well the clock is looked at every so many events: a reading costs as much as a small handler.
const EVENTS_PER_LOOK: usize = 16;

impl Owner {
    /// A batch of events begins. What has come since the last one has waited for its end.
    #[cold]
    pub(super) fn begin_report(&mut self, events: usize) {
        let Some(pressure) = self.server.pressure(self.core.number) else { return };
        pressure.report(Report {
            now: self.turn.now.nanos,
            events,
            full: events == EVENTS_PER_WAIT,
            idle: if self.slept { u64::MAX } else { 0 },
            open: self.core.load.load(Ordering::Relaxed),
        });
        self.turn.is_late(false, &self.server);
    }

    /// The event of this number in its batch is about to be served: has it waited for too long?
    #[cold]
    pub(super) fn look_at_the_clock(&mut self, index: usize) {
        let Some(pressure) = self.server.pressure(self.core.number) else { return };
        if pressure.may_stand() || index % EVENTS_PER_LOOK == EVENTS_PER_LOOK - 1 {
            let now = self.server.epoch.moment(self.server.clock.now());
            let late = pressure.is_late(now.nanos);
            self.turn.is_late(late, &self.server);
        }
    }
}
