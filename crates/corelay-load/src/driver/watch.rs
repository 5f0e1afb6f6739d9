//! What the threads of a placed group's server used within the measured time.
//!
//! Two looks, at its beginning and at its end, of some tens of microseconds each. They show what placement is for: whether
//! one thread went on doing all the work.

use crate::placement::Whence;
use crate::process::ThreadTimes;
use crate::report::{PlacementReport, ThreadReport};
use crate::tally::Window;
use std::cmp::Reverse;
use std::time::Instant;

/// The two looks.
pub(super) struct Watch {
    whence: Whence,
    begin: Option<ThreadTimes>,
    end: Option<ThreadTimes>,
}

impl Watch {
    pub(super) fn new(whence: Whence) -> Self {
        Self { whence, begin: None, end: None }
    }

    /// To be called often; looks twice. A look that fails is tried again: a server that is gone shows as errors.
    pub(super) fn look(&mut self, now: Instant, window: &Window) {
        let read = |whence: &Whence| ThreadTimes::read(&whence.family).ok();
        if self.begin.is_none() && now >= window.begin {
            self.begin = read(&self.whence);
        }
        if self.end.is_none() && now >= window.end {
            self.end = read(&self.whence);
        }
    }

    pub(super) fn report(&self, lost: u32) -> PlacementReport {
        let used = self.end.as_ref().zip(self.begin.as_ref()).map(|(end, begin)| end.since(begin));
        let mut threads: Vec<_> = used
            .into_iter()
            .flatten()
            .filter(|(_, cpu_time)| !cpu_time.is_zero())
            .map(|(thread, cpu_time)| ThreadReport { thread, cpu_time })
            .collect();
        threads.sort_by_key(|used| Reverse(used.cpu_time));
        PlacementReport { thread: self.whence.thread, candidates: self.whence.candidates, lost, threads }
    }
}
