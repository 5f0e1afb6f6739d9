//! `EVFILT_USER`.

use super::filter::{apply, change, queue, take};
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, Kqueue};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

#[derive(Debug)]
pub(crate) struct Waker {
    queue: Kqueue,
}

impl Waker {
    /// `EV_CLEAR` takes the trigger back when its event is taken.
    pub(crate) fn new() -> io::Result<Self> {
        let queue = queue()?;
        let flags = EvFlags::EV_ADD | EvFlags::EV_CLEAR;
        apply(&queue, [change(0, EventFilter::EVFILT_USER, flags, FilterFlag::empty(), 0)])?;
        Ok(Self { queue })
    }

    pub(crate) fn wake(&self) -> io::Result<()> {
        let trigger = FilterFlag::NOTE_TRIGGER;
        apply(&self.queue, [change(0, EventFilter::EVFILT_USER, EvFlags::empty(), trigger, 0)])
    }

    pub(crate) fn acknowledge(&self) {
        take(&self.queue);
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}
