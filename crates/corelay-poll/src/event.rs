//! What one `wait` found: a reusable buffer of events, and the questions one may ask an event.
//!
//! Both are thin skins over the kernel's own structures, decoded when asked and not before: a server that
//! only calls `token` and `is_readable` pays for two loads and one mask.

use crate::{Token, sys};

/// The buffer that [`Poller::wait`](crate::Poller::wait) fills. Make one per thread and use it for ever:
/// `wait` never allocates, it overwrites.
///
/// ```
/// use corelay_poll::{Events, Poller};
/// use std::time::Duration;
///
/// let poller = Poller::new()?;
/// let mut events = Events::with_capacity(256);
/// poller.wait(&mut events, Some(Duration::ZERO))?;
/// assert!(events.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Events(pub(crate) sys::Events);

impl Events {
    /// A buffer for about `capacity` events a wait, and for at least one.
    ///
    /// More ready handles than that are no loss: the next wait reports the others, and the kernels rotate
    /// their ready lists so that none starves. 256 to 1,024 is usual.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(sys::Events::with_capacity(capacity.max(1)))
    }

    /// How many events the last wait found.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.as_slice().len()
    }

    /// Whether the last wait found nothing: it timed out, or a signal interrupted it.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.as_slice().is_empty()
    }

    /// The events of the last wait, in the kernel's order.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Event> + '_ {
        self.0.as_slice().iter().map(|event| Event(sys::Event::from(event)))
    }
}

/// One handle that became ready.
///
/// Readiness is a hint, never a promise: another thread may have read the bytes, so a read may still say
/// `WouldBlock`. One wait may name the same token twice on kqueue, once for each direction.
#[derive(Clone, Copy, Debug)]
pub struct Event(sys::Event);

impl Event {
    /// The token that the handle was registered with.
    #[inline]
    pub fn token(self) -> Token {
        self.0.token()
    }

    /// A read will not block: there are bytes, or the end of the stream, or an error to collect. All of them
    /// count, so a reader that only looks here still learns how its stream ended. Bytes may precede an end or
    /// an error: read first, believe [`is_read_closed`](Self::is_read_closed) afterwards.
    #[inline]
    pub fn is_readable(self) -> bool {
        self.0.is_readable()
    }

    /// A write will not block: there is room, or the peer is gone and the write will say so.
    #[inline]
    pub fn is_writable(self) -> bool {
        self.0.is_writable()
    }

    /// The peer will send no more (it shut its writing side, or closed). It may still be reading: a client
    /// that half-closes expects its answer.
    #[inline]
    pub fn is_read_closed(self) -> bool {
        self.0.is_read_closed()
    }

    /// Both directions are finished, or the other end of a pipe is closed.
    #[inline]
    pub fn is_closed(self) -> bool {
        self.0.is_closed()
    }

    /// An error waits on the handle; the next read, write or `SO_ERROR` says which.
    #[inline]
    pub fn is_error(self) -> bool {
        self.0.is_error()
    }
}
