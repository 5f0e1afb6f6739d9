//! `EVFILT_TIMER`.

use super::filter::{apply, change, queue, take};
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Timer {
    queue: Kqueue,
}

impl Timer {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { queue: queue()? })
    }

    /// Deleted first: adding again what has expired and was not taken would leave the old expiry in the
    /// queue.
    ///
    /// A delay of 0 means 1 to FreeBSD and "at once" to macOS; say 1 ns to both. The longest is 292 years.
    pub(crate) fn set_after(&self, delay: Duration) -> io::Result<()> {
        let nanoseconds = isize::try_from(delay.as_nanos()).unwrap_or(isize::MAX).max(1);
        let flags = EvFlags::EV_ADD | EvFlags::EV_ENABLE | EvFlags::EV_ONESHOT;
        let added = change(0, EventFilter::EVFILT_TIMER, flags, FilterFlag::NOTE_NSECONDS, nanoseconds);
        apply(&self.queue, [deleted(), added])
    }

    pub(crate) fn clear(&self) -> io::Result<()> {
        apply(&self.queue, [deleted()])
    }

    /// `data` counts the expirations, kqueue(2).
    pub(crate) fn acknowledge(&self) -> u64 {
        take(&self.queue).map_or(0, |event| u64::try_from(event.data()).unwrap_or(0))
    }
}

fn deleted() -> KEvent {
    change(0, EventFilter::EVFILT_TIMER, EvFlags::EV_DELETE, FilterFlag::empty(), 0)
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}
