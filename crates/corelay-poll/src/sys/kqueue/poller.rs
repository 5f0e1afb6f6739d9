//! kqueue(2).

use super::Events;
use super::filter::{apply, queue};
use crate::sys::TIMEOUT_MAX;
use crate::{Interest, Token, Trigger};
use nix::errno::Errno;
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Poller {
    queue: Kqueue,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { queue: queue()? })
    }

    /// kqueue has one operation for both, and so cannot tell that a handle was there already.
    pub(crate) fn add(
        &self,
        source: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        self.modify(source, token, interest, trigger)
    }

    /// There is no equivalent: a ready socket activates its filter in every kqueue, and wakes one thread of
    /// each.
    pub(crate) fn add_exclusive(
        &self,
        _source: BorrowedFd<'_>,
        _token: Token,
        _interest: Interest,
        _trigger: Trigger,
    ) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Both directions at once: the wanted is added (or changed), the other deleted.
    pub(crate) fn modify(
        &self,
        source: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        let wanted = added(trigger);
        let flags = |direction| if interest.contains(direction) { wanted } else { EvFlags::EV_DELETE };
        self.set(source, token, flags(Interest::READ), flags(Interest::WRITE))
    }

    pub(crate) fn delete(&self, source: BorrowedFd<'_>) -> io::Result<()> {
        self.set(source, Token::new(0, 0), EvFlags::EV_DELETE, EvFlags::EV_DELETE)
    }

    fn set(&self, source: BorrowedFd<'_>, token: Token, read: EvFlags, write: EvFlags) -> io::Result<()> {
        let fd = source.as_raw_fd() as usize; // never negative: it is borrowed from an open descriptor
        let change = |filter, flags| {
            let data = token.as_u64() as isize;
            KEvent::new(fd, filter, flags | EvFlags::EV_RECEIPT, FilterFlag::empty(), 0, data)
        };
        apply(&self.queue, [change(EventFilter::EVFILT_READ, read), change(EventFilter::EVFILT_WRITE, write)])
    }

    pub(crate) fn delete_by_number(&self, descriptor: RawFd) -> io::Result<()> {
        if descriptor < 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: not -1. It is borrowed for one call that takes the number out of a table, and neither reads,
        // writes nor closes what is behind it; a number that is not open is refused with EBADF.
        self.delete(unsafe { BorrowedFd::borrow_raw(descriptor) })
    }

    #[inline]
    pub(crate) fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        events.found = 0;
        match self.queue.kevent(&[], &mut events.buffer, timeout.map(timespec)) {
            Ok(found) => {
                events.found = found;
                Ok(found)
            }
            Err(Errno::EINTR) => Ok(0),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

/// `EV_DISPATCH` disables the filter after its event and keeps it, as `EPOLLONESHOT` does; `EV_ONESHOT` would
/// delete it. `EV_ENABLE` arms it again.
fn added(trigger: Trigger) -> EvFlags {
    let mode = match trigger {
        Trigger::Level => EvFlags::empty(),
        Trigger::Edge => EvFlags::EV_CLEAR,
        Trigger::OneShot => EvFlags::EV_DISPATCH,
    };
    EvFlags::EV_ADD | EvFlags::EV_ENABLE | mode
}

#[inline]
fn timespec(timeout: Duration) -> libc::timespec {
    let timeout = timeout.min(TIMEOUT_MAX);
    libc::timespec { tv_sec: timeout.as_secs() as libc::time_t, tv_nsec: timeout.subsec_nanos().into() }
}
