//! `struct epoll_event`, read in place.

use crate::Token;
use rustix::event::epoll::{self, EventFlags};
use std::fmt;

/// The kernel's output array. Its length is what the last wait returned, its capacity what was asked for
/// once.
pub(crate) struct Events(pub(super) Vec<epoll::Event>);

// SAFETY: `epoll::Event` is not `Send` only because its data may be a pointer (`epoll_data_t` is a union).
// Every element here was written by `epoll_wait` from a registration of ours, and `Poller::control` registers
// nothing but `EventData::new_u64`: plain integers, with no thread to belong to.
unsafe impl Send for Events {}
// SAFETY: as above; and through `&Events` elements are only copied out, never changed.
unsafe impl Sync for Events {}

impl Events {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[epoll::Event] {
        &self.0
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(Event::from)).finish()
    }
}

/// One event, copied out of the kernel's packed structure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    flags: EventFlags,
    token: Token,
}

impl From<&epoll::Event> for Event {
    #[inline]
    fn from(event: &epoll::Event) -> Self {
        Self { flags: event.flags, token: Token::from(event.data.u64()) }
    }
}

impl Event {
    #[inline]
    pub(crate) fn token(self) -> Token {
        self.token
    }

    #[inline]
    pub(crate) fn is_readable(self) -> bool {
        self.flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR)
    }

    /// A full pipe whose reader is gone reports `EPOLLERR` and no `EPOLLOUT`: without it a writer would sleep
    /// for ever.
    #[inline]
    pub(crate) fn is_writable(self) -> bool {
        self.flags.intersects(EventFlags::OUT | EventFlags::HUP | EventFlags::ERR)
    }

    #[inline]
    pub(crate) fn is_read_closed(self) -> bool {
        self.flags.intersects(EventFlags::RDHUP | EventFlags::HUP)
    }

    #[inline]
    pub(crate) fn is_closed(self) -> bool {
        self.flags.contains(EventFlags::HUP)
    }

    #[inline]
    pub(crate) fn is_error(self) -> bool {
        self.flags.contains(EventFlags::ERR)
    }
}
