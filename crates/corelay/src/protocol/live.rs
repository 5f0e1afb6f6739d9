//! A protocol's part of a connection: its state, whatever its type.

use super::hosted::{Hosted, Place};
use super::letterbox::Letterbox;
use super::{Input, Peer, Protocol, Step};
use crate::clock::Tick;
use crate::connection::CloseReason;
use std::net::SocketAddr;
use std::sync::Arc;

/// What a turn lends to the protocol of the connection in hand.
pub(crate) struct Desk<'a> {
    /// Output, of which `sent` bytes are gone already.
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) sent: usize,
    pub(crate) deadline: &'a mut Option<Tick>,
    /// Messages that the protocol says it has answered.
    pub(crate) messages: &'a mut u64,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) place: &'a Place,
    pub(crate) hosted: &'a Hosted,
    pub(crate) now: Tick,
    /// How many cores there are.
    pub(crate) cores: usize,
    pub(crate) is_draining: bool,
    /// On a service thread.
    pub(crate) may_wait: bool,
}

/// A connection's protocol at work. All of it is user code.
pub(crate) trait Live: Send {
    fn received(&mut self, input: &mut Input<'_>, desk: Desk<'_>) -> Step;
    /// Whether there is mail.
    fn is_called(&self) -> bool;
    /// Whether the mail is that the connection is to be closed, which needs no room for output.
    fn is_to_close(&self) -> bool;
    /// Hands over mail until there is none or no room for more output. `None`: there was none.
    fn deliver(&mut self, desk: Desk<'_>) -> Option<Step>;
    fn ended(&mut self, desk: Desk<'_>) -> Step;
    fn expired(&mut self, desk: Desk<'_>) -> Step;
    fn draining(&mut self, desk: Desk<'_>) -> Step;
    /// Whether others may send it mail, or have. Not user code.
    fn is_reachable(&self) -> bool;
    /// What the connection keeps, for another process.
    fn pack(&self) -> Option<Vec<u8>>;
    /// The connection is served elsewhere from now on. Not user code.
    fn moved(&mut self, place: &Place);
    fn closed(self: Box<Self>, reason: CloseReason);
}

/// The connection of a [`Protocol`].
pub(crate) struct Lively<P: Protocol> {
    state: P::State,
    protocol: Arc<P>,
    letterbox: Option<Arc<Letterbox<P::Mail>>>,
}

impl<P: Protocol> Lively<P> {
    pub(super) fn open(protocol: Arc<P>, packed: Option<&[u8]>, desk: Desk<'_>) -> Result<Self, CloseReason> {
        let mut letterbox = None;
        let mut peer = Peer { desk, protocol: &protocol, letterbox: &mut letterbox };
        let opened = match packed {
            Some(packed) => protocol.unpack(packed, &mut peer),
            None => protocol.opened(&mut peer),
        };
        match opened {
            Ok(state) => Ok(Self { state, protocol, letterbox }),
            Err(reason) => {
                letterbox.inspect(|letterbox| drop(letterbox.shut()));
                Err(reason)
            }
        }
    }

    /// The state, and what is called with it.
    #[inline]
    fn with<'a>(&'a mut self, desk: Desk<'a>) -> (&'a P, &'a mut P::State, Peer<'a, P>) {
        let Self { state, protocol, letterbox } = self;
        (&**protocol, state, Peer { desk, protocol, letterbox })
    }
}

impl<P: Protocol> Live for Lively<P> {
    fn received(&mut self, input: &mut Input<'_>, desk: Desk<'_>) -> Step {
        let (protocol, state, mut peer) = self.with(desk);
        protocol.received(state, input, &mut peer)
    }

    fn is_called(&self) -> bool {
        self.letterbox.as_ref().is_some_and(|letterbox| letterbox.is_called())
    }

    fn is_to_close(&self) -> bool {
        self.letterbox.as_ref().is_some_and(|letterbox| letterbox.is_to_close())
    }

    fn deliver(&mut self, desk: Desk<'_>) -> Option<Step> {
        let letterbox = self.letterbox.clone()?;
        let mut mail = match letterbox.take() {
            Ok(mail) => mail,
            Err(reason) => return Some(Step::Abort(reason)),
        };
        let mut step = None;
        let (protocol, state, mut peer) = self.with(desk);
        while !peer.is_full()
            && let Some(next) = mail.pop_front()
        {
            let then = protocol.delivered(state, next, &mut peer);
            step = Some(then);
            if !matches!(then, Step::Continue | Step::Pause) {
                break;
            }
        }
        letterbox.put_back(mail);
        step
    }

    fn ended(&mut self, desk: Desk<'_>) -> Step {
        let (protocol, state, mut peer) = self.with(desk);
        protocol.ended(state, &mut peer)
    }

    fn expired(&mut self, desk: Desk<'_>) -> Step {
        let (protocol, state, mut peer) = self.with(desk);
        protocol.expired(state, &mut peer)
    }

    fn draining(&mut self, desk: Desk<'_>) -> Step {
        let (protocol, state, mut peer) = self.with(desk);
        protocol.draining(state, &mut peer)
    }

    fn is_reachable(&self) -> bool {
        // Remotes are made from remotes or during a call: where there is none now, none comes.
        let held = |letterbox: &Arc<_>| Arc::strong_count(letterbox) > 1;
        self.letterbox.as_ref().is_some_and(|letterbox| held(letterbox) || letterbox.is_called())
    }

    fn pack(&self) -> Option<Vec<u8>> {
        self.protocol.pack(&self.state)
    }

    fn moved(&mut self, place: &Place) {
        if let Some(letterbox) = &self.letterbox {
            letterbox.move_to(place.clone());
        }
    }

    fn closed(self: Box<Self>, reason: CloseReason) {
        let Self { state, protocol, letterbox } = *self;
        // Whoever sends from here on is told that it is gone.
        let unread = letterbox.map(|letterbox| letterbox.shut());
        protocol.closed(state, reason);
        drop(unread);
    }
}
