//! A handle that one thread makes ready for another.

use crate::sys;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Wakes a thread out of [`Poller::wait`](crate::Poller::wait): an eventfd on Linux, a kqueue with one
/// `EVFILT_USER` filter elsewhere.
///
/// Wakes coalesce: a thousand before the owner looks are one event. So a waker carries no data; put that in a
/// queue *before* the wake, and look into the queue *after* the acknowledgement, and nothing is ever left
/// behind. Waking a thread that is awake is a wasted system call: ring only when it sleeps.
///
/// ```
/// use corelay_poll::{Events, Interest, Poller, Token, Trigger, Waker};
/// use std::sync::mpsc;
///
/// let poller = Poller::new()?;
/// let waker = Waker::new()?;
/// poller.add(&waker, Token::new(0, 0), Interest::READ, Trigger::Level)?;
/// let (inbox, work) = mpsc::channel();
///
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         inbox.send("a connection").expect("the receiver is alive");
///         waker.wake().expect("an eventfd can always be written");
///     });
///     let mut events = Events::with_capacity(4);
///     while poller.wait(&mut events, None)? == 0 {}
///     waker.acknowledge();
///     assert_eq!(work.try_recv(), Ok("a connection"));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Waker(sys::Waker);

impl Waker {
    /// A waker that nobody has rung.
    ///
    /// # Errors
    ///
    /// `EMFILE` or `ENFILE` when no descriptor is left, `ENOMEM`.
    pub fn new() -> io::Result<Self> {
        sys::Waker::new().map(Self)
    }

    /// Makes the handle readable until it is acknowledged. Never blocks; one system call.
    ///
    /// # Errors
    ///
    /// None that a live waker is known to give (kqueue may report `ENOMEM`).
    #[inline]
    pub fn wake(&self) -> io::Result<()> {
        self.0.wake()
    }

    /// Takes back all wakes so far. Never blocks, also when there were none.
    #[inline]
    pub fn acknowledge(&self) {
        self.0.acknowledge();
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
