//! `struct kevent`, read in place.

use crate::Token;
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent};
use std::fmt;

// A token travels in `udata`, which is as wide as a pointer.
const _: () = assert!(size_of::<usize>() == size_of::<u64>(), "tokens need 64 bits of user data");

/// An event to be overwritten by the kernel.
pub(super) fn blank() -> KEvent {
    KEvent::new(0, EventFilter::EVFILT_READ, EvFlags::empty(), FilterFlag::empty(), 0, 0)
}

/// The kernel's output array. nix wants it initialised, so it has its full length from the start, and `found`
/// says how much of it the last wait wrote.
pub(crate) struct Events {
    pub(super) buffer: Vec<KEvent>,
    pub(super) found: usize,
}

// SAFETY: `KEvent` is `Send` but not `Sync` only because `udata` is declared a pointer. It holds a token, an
// integer that is never followed, and through `&Events` elements are only copied out.
unsafe impl Sync for Events {}

impl Events {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { buffer: vec![blank(); capacity], found: 0 }
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[KEvent] {
        &self.buffer[..self.found]
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

/// One event: one direction of one handle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    direction: Option<EventFilter>,
    flags: EvFlags,
    /// With `EV_EOF`: the socket's error, 0 for an orderly end (kqueue(2), `EVFILT_READ`).
    error: u32,
    token: Token,
}

impl From<&KEvent> for Event {
    #[inline]
    fn from(event: &KEvent) -> Self {
        Self {
            direction: event.filter().ok(),
            flags: event.flags(),
            error: event.fflags().bits(),
            token: Token::from(event.udata() as u64),
        }
    }
}

impl Event {
    #[inline]
    pub(crate) fn token(self) -> Token {
        self.token
    }

    #[inline]
    pub(crate) fn is_readable(self) -> bool {
        self.direction == Some(EventFilter::EVFILT_READ)
    }

    #[inline]
    pub(crate) fn is_writable(self) -> bool {
        self.direction == Some(EventFilter::EVFILT_WRITE)
    }

    #[inline]
    pub(crate) fn is_read_closed(self) -> bool {
        self.is_readable() && self.is_end()
    }

    /// The end in the direction of writing means that the peer reads no more either.
    #[inline]
    pub(crate) fn is_closed(self) -> bool {
        self.is_end() && (self.is_writable() || self.error != 0)
    }

    #[inline]
    pub(crate) fn is_error(self) -> bool {
        self.flags.contains(EvFlags::EV_ERROR) || (self.is_end() && self.error != 0)
    }

    #[inline]
    fn is_end(self) -> bool {
        self.flags.contains(EvFlags::EV_EOF)
    }
}
