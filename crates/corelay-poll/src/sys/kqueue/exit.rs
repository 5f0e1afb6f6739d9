//! `EVFILT_PROC` with `NOTE_EXIT`.

use super::filter::{apply, change, queue};
use nix::libc::ESRCH;
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, Kqueue};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Readable from the exit of a process on: the event is never taken out of the queue.
#[derive(Debug)]
pub(crate) struct Exit {
    queue: Kqueue,
}

impl Exit {
    /// The process must be a child that nobody has reaped, so that `id` is still its own.
    ///
    /// A zombie is found by FreeBSD, which reports it at once (filt_procattach in kern_event.c), and not
    /// found by macOS, which says ESRCH. As the caller has not reaped it, "no such process" can only mean
    /// "exited".
    pub(crate) fn watch(id: u32) -> io::Result<Self> {
        let queue = queue()?;
        let exit = change(id as usize, EventFilter::EVFILT_PROC, EvFlags::EV_ADD, FilterFlag::NOTE_EXIT, 0);
        match apply(&queue, [exit]) {
            Ok(()) => Ok(Self { queue }),
            Err(error) if error.raw_os_error() == Some(ESRCH) => Self::passed(),
            Err(error) => Err(error),
        }
    }

    /// For a process that is gone already: a user event that is triggered and stays so looks the same to a
    /// poller.
    pub(crate) fn passed() -> io::Result<Self> {
        let queue = queue()?;
        let user = |flags, fflags| change(0, EventFilter::EVFILT_USER, flags, fflags, 0);
        apply(
            &queue,
            [user(EvFlags::EV_ADD, FilterFlag::empty()), user(EvFlags::empty(), FilterFlag::NOTE_TRIGGER)],
        )?;
        Ok(Self { queue })
    }
}

impl AsFd for Exit {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}
