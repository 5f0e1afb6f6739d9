//! A deadline as a handle.

use crate::sys;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// Becomes readable at one moment on the monotonic clock: a timerfd on Linux, a kqueue with one
/// `EVFILT_TIMER` filter elsewhere.
///
/// For one deadline that must be exact, or that belongs to somebody else's event loop. Ten thousand
/// connections want a timer wheel and the timeout of [`Poller::wait`](crate::Poller::wait) instead: no system
/// call per deadline. There is no interval on purpose: a periodic task that sets its next deadline itself
/// cannot pile up.
///
/// ```
/// use corelay_poll::{Events, Interest, Poller, Timer, Token, Trigger};
/// use std::time::Duration;
///
/// let poller = Poller::new()?;
/// let timer = Timer::new()?;
/// poller.add(&timer, Token::new(1, 0), Interest::READ, Trigger::Level)?;
/// timer.set_after(Duration::from_micros(300))?;
///
/// let mut events = Events::with_capacity(4);
/// while poller.wait(&mut events, None)? == 0 {}
/// assert_eq!(timer.acknowledge(), 1);
/// assert_eq!(timer.acknowledge(), 0, "it expires once");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Timer(sys::Timer);

impl Timer {
    /// A timer that is not set.
    ///
    /// # Errors
    ///
    /// `EMFILE` or `ENFILE` when no descriptor is left, `ENOMEM`.
    pub fn new() -> io::Result<Self> {
        sys::Timer::new().map(Self)
    }

    /// Expires `delay` from now and never earlier; zero is now. Replaces the moment that was set, and forgets
    /// an expiry that nobody acknowledged.
    ///
    /// # Errors
    ///
    /// None that a live timer is known to give (kqueue may report `ENOMEM`).
    pub fn set_after(&self, delay: Duration) -> io::Result<()> {
        self.0.set_after(delay)
    }

    /// Expires at `deadline`, at once if that is past; otherwise as [`set_after`](Self::set_after).
    ///
    /// # Errors
    ///
    /// As [`set_after`](Self::set_after).
    pub fn set_at(&self, deadline: Instant) -> io::Result<()> {
        self.set_after(deadline.saturating_duration_since(Instant::now()))
    }

    /// Unsets the timer, and forgets an expiry that nobody acknowledged.
    ///
    /// # Errors
    ///
    /// As [`set_after`](Self::set_after).
    pub fn clear(&self) -> io::Result<()> {
        self.0.clear()
    }

    /// Takes the expiry back and says how many there were since it was set: 1 or 0. Never blocks.
    pub fn acknowledge(&self) -> u64 {
        self.0.acknowledge()
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
