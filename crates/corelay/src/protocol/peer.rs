//! The peer of a connection, as its protocol sees it during a call.

use super::Protocol;
use super::letterbox::{Letterbox, Remote};
use super::live::Desk;
use crate::clock::Tick;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The other end of a connection: what it is sent, and what is to be known of it.
pub struct Peer<'a, P: Protocol> {
    pub(super) desk: Desk<'a>,
    pub(super) protocol: &'a Arc<P>,
    pub(super) letterbox: &'a mut Option<Arc<Letterbox<P::Mail>>>,
}

impl<P: Protocol> Peer<'_, P> {
    /// Appends to what the peer is sent, all of it together, when the call is over.
    #[inline]
    pub fn send(&mut self, bytes: &[u8]) {
        self.desk.out.extend_from_slice(bytes);
    }

    /// The output itself, to be appended to: what is there already is not to be changed.
    #[inline]
    pub fn out(&mut self) -> &mut Vec<u8> {
        self.desk.out
    }

    /// Bytes that wait to be sent, those of this call included.
    #[inline]
    pub fn unsent_bytes(&self) -> usize {
        self.desk.out.len().saturating_sub(self.desk.sent)
    }

    /// Whether as much waits to be sent as [`Terms::max_unsent_bytes`](super::Terms::max_unsent_bytes) says: a protocol does
    /// better to leave further messages in its input now.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.unsent_bytes() >= self.desk.hosted.terms.max_unsent_bytes
    }

    /// Counts this many messages as answered: `requests` in the server's [`Status`](crate::status::Status).
    #[inline]
    pub fn count_messages(&mut self, messages: u64) {
        *self.desk.messages += messages;
    }

    /// Its address; `None` for a Unix socket's.
    pub fn address(&self) -> Option<SocketAddr> {
        self.desk.address
    }

    /// Has [`Protocol::expired`] called after this time, in the place of the deadline before; `None`: not at all. With a
    /// resolution of about a tenth of a second, never early.
    pub fn set_deadline(&mut self, after: Option<Duration>) {
        *self.desk.deadline = after.map(|after| self.desk.now.after(Tick::spanning(after)));
    }

    /// What sends mail to this connection, for whoever will want to.
    pub fn remote(&mut self) -> Remote<P::Mail> {
        let Desk { place, hosted, .. } = &self.desk;
        let make = || Arc::new(Letterbox::new((*place).clone(), hosted.terms.max_mail));
        Remote::of(self.letterbox.get_or_insert_with(make).clone())
    }

    /// The core that serves this connection at present; 0 on engines without cores. A connection may move to another core between
    /// two calls.
    pub fn core(&self) -> usize {
        self.desk.place.home.core()
    }

    /// How many cores serve.
    pub fn cores(&self) -> usize {
        self.desk.cores
    }

    /// Runs `errand` on another core, behind what was sent there before; what comes of it can come home as mail, by
    /// [`Peer::remote`]. For the own core, and on engines without cores, it is run on the spot.
    ///
    /// So data that is divided by core is reached without a lock that cores contend for. It needs a lock all the same: a core
    /// whose thread blocks in an errand is relayed, and then serves the next ones from another thread. `core` counts round.
    pub fn post(&self, core: usize, errand: impl FnOnce(&P) + Send + 'static) {
        let core = core % self.desk.cores.max(1);
        match self.desk.hosted.core(core) {
            Some(other) if core != self.core() => {
                let protocol = self.protocol.clone();
                other.run(Box::new(move || errand(&protocol)));
            }
            _ => errand(self.protocol),
        }
    }

    /// Whether the server drains: a peer that can be told should be asked to go.
    pub fn is_draining(&self) -> bool {
        self.desk.is_draining
    }

    /// Whether the call is on a service thread, by [`Step::Relay`](super::Step::Relay): it may wait.
    pub fn may_wait(&self) -> bool {
        self.desk.may_wait
    }
}

/// Appends, as [`Peer::send`]; never fails and never waits.
impl<P: Protocol> io::Write for Peer<'_, P> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<P: Protocol> std::fmt::Debug for Peer<'_, P> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (address, unsent) = (self.address(), self.unsent_bytes());
        formatter.debug_struct("Peer").field("address", &address).field("unsent_bytes", &unsent).finish()
    }
}
