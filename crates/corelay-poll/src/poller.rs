//! A set of handles, and the wait for one of them to become ready.

use crate::{Events, Interest, Token, Trigger, sys};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::time::Duration;

/// A set of handles to wait for: an epoll on Linux, a kqueue on FreeBSD and macOS.
///
/// Registration takes `&self` and may come from any thread, also while another thread waits; the new handle
/// then counts for the wait under way. A poller is a handle itself, readable while something in it is ready,
/// so pollers nest (Linux allows five levels, see `docs/readiness.md`). An inner one may be found empty: wait
/// on it with a timeout of zero.
///
/// The poller borrows a handle only for the call. **Delete a handle before closing it.** epoll tracks the
/// open file *description*: if a duplicate of the descriptor is alive anywhere, closing ours does not end its
/// events, and without the descriptor nothing can.
///
/// ```
/// use corelay_poll::{Events, Interest, Poller, Token, Trigger};
/// use std::{io::Write, os::unix::net::UnixStream};
///
/// let (mut near, far) = UnixStream::pair()?;
/// let poller = Poller::new()?;
/// poller.add(&far, Token::new(0, 1), Interest::READ, Trigger::Level)?;
///
/// near.write_all(b"hello")?;
/// let mut events = Events::with_capacity(16);
/// poller.wait(&mut events, None)?;
/// let event = events.iter().next().expect("five bytes are waiting");
/// assert_eq!(event.token(), Token::new(0, 1));
/// assert!(event.is_readable() && !event.is_read_closed());
/// poller.delete(&far)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Poller(sys::Poller);

impl Poller {
    /// An empty poller, closed on exec.
    ///
    /// # Errors
    ///
    /// `EMFILE` or `ENFILE` when the process or the system has no descriptor left, `ENOMEM`.
    pub fn new() -> io::Result<Self> {
        sys::Poller::new().map(Self)
    }

    /// Starts reporting `source` under `token`. What is ready already is reported by the next wait, whatever
    /// the trigger: no byte that arrived before the registration is lost.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if the handle is in this poller (Linux; kqueue replaces the registration instead).
    /// `EPERM` for a handle that is always ready, such as a regular file (Linux). `ELOOP` if pollers would
    /// nest in a circle or too deep (Linux). `ENOSPC` past `/proc/sys/fs/epoll/max_user_watches`.
    pub fn add(
        &self,
        source: impl AsFd,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        self.0.add(source.as_fd(), token, interest, trigger)
    }

    /// As [`add`](Self::add), for one handle in many pollers: a connection on a shared listener wakes one or
    /// a few of the waiting threads instead of all (`EPOLLEXCLUSIVE`, Linux 4.5).
    ///
    /// It is no load balancer: among idle pollers the kernel wakes the same one again and again.
    ///
    /// # Errors
    ///
    /// Those of `add`; `InvalidInput` with [`Trigger::OneShot`] or for a source that is a poller, and from a
    /// later `modify` of this source (delete and add it instead). `Unsupported` on kqueue, which always wakes
    /// every queue: give each thread its own `SO_REUSEPORT` listener there, or accept on one thread.
    pub fn add_exclusive(
        &self,
        source: impl AsFd,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        self.0.add_exclusive(source.as_fd(), token, interest, trigger)
    }

    /// Replaces token, interest and trigger of a handle in this poller, and arms it again if it was a
    /// one-shot.
    ///
    /// # Errors
    ///
    /// `NotFound` if the handle is not in this poller (Linux; kqueue adds it).
    pub fn modify(
        &self,
        source: impl AsFd,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        self.0.modify(source.as_fd(), token, interest, trigger)
    }

    /// Stops reporting `source`. An event for it may already be in some thread's buffer: that is what the
    /// generation in a [`Token`] is for.
    ///
    /// # Errors
    ///
    /// `NotFound` if the handle is not in this poller (Linux; kqueue cannot tell it from [`Interest::NONE`],
    /// and says nothing).
    pub fn delete(&self, source: impl AsFd) -> io::Result<()> {
        self.0.delete(source.as_fd())
    }

    /// As [`delete`](Self::delete), by the descriptor's number: for a thread that takes over the poller while another has
    /// the handle in its hands.
    ///
    /// The caller sees to it that the number stays open, and the handle's, for as long as the call lasts: a number that
    /// was closed and given out again would be another handle.
    ///
    /// # Errors
    ///
    /// Those of `delete`; `EBADF` for a number that is not open.
    pub fn delete_by_number(&self, descriptor: RawFd) -> io::Result<()> {
        self.0.delete_by_number(descriptor)
    }

    /// Waits until a handle is ready or `timeout` is over, and returns how many events are in `events`.
    /// `None` waits for ever, `Some(Duration::ZERO)` only looks.
    ///
    /// Zero events do not mean that the time is over: a signal handler that ran on this thread ends the wait
    /// too. A timeout is never cut short to zero: Linux rounds it up to whole milliseconds (use a
    /// [`Timer`](crate::Timer) for finer ones) and waits 24 days at most, kqueue has nanoseconds.
    ///
    /// One system call, no allocation. Several threads may wait on one poller; each gets its own events.
    ///
    /// # Errors
    ///
    /// None in a correct program; interruption (`EINTR`) is `Ok(0)`.
    #[inline]
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        self.0.wait(&mut events.0, timeout)
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
