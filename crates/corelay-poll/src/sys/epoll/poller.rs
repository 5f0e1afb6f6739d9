//! epoll(7).

use super::Events;
use crate::sys::TIMEOUT_MAX;
use crate::{Interest, Token, Trigger};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{CreateFlags, EventData, EventFlags};
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    pub(crate) fn add(
        &self,
        source: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, source, EventData::new_u64(token.as_u64()), flags(interest, trigger))?)
    }

    /// `EPOLLRDHUP` is left out: epoll_ctl(2) allows only IN, OUT, ERR, HUP, WAKEUP and ET beside
    /// `EPOLLEXCLUSIVE` (`EPOLLEXCLUSIVE_OK_BITS` in fs/eventpoll.c) and answers EINVAL to anything else,
    /// one-shot included.
    pub(crate) fn add_exclusive(
        &self,
        source: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        let flags = flags(interest, trigger).difference(EventFlags::RDHUP) | EventFlags::EXCLUSIVE;
        Ok(epoll::add(&self.epoll, source, EventData::new_u64(token.as_u64()), flags)?)
    }

    pub(crate) fn modify(
        &self,
        source: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, source, EventData::new_u64(token.as_u64()), flags(interest, trigger))?)
    }

    pub(crate) fn delete(&self, source: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, source)?)
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
        let timeout = timeout.map(timespec);
        events.0.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut events.0), timeout.as_ref()) {
            Ok(found) => Ok(found),
            Err(Errno::INTR) => Ok(0),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

/// rustix turns this into milliseconds for the kernel, rounding up: half a millisecond must not become a busy
/// loop.
#[inline]
fn timespec(timeout: Duration) -> Timespec {
    let timeout = timeout.min(TIMEOUT_MAX);
    Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() }
}

/// `EPOLLRDHUP` comes with the interest in reading only: a peer that half-closed stays half-closed, and a
/// caller that has stopped reading from it would be told so by every level-triggered wait.
fn flags(interest: Interest, trigger: Trigger) -> EventFlags {
    let mut flags = match trigger {
        Trigger::Level => EventFlags::empty(),
        Trigger::Edge => EventFlags::ET,
        Trigger::OneShot => EventFlags::ONESHOT,
    };
    if interest.contains(Interest::READ) {
        flags |= EventFlags::IN | EventFlags::RDHUP;
    }
    if interest.contains(Interest::WRITE) {
        flags |= EventFlags::OUT;
    }
    flags
}
