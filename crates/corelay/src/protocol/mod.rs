//! Protocols of your own over TCP and Unix sockets, on the same engines as HTTP.
//!
//! A [`Protocol`] is written without I/O: bytes come in, bytes and a [`Step`] go out. The server does the rest, with the code
//! that serves HTTP: engines, slots, timers, limits, backpressure, relays of a core whose protocol blocks, drain, close
//! reasons, counters. `docs/protocols.md` tells the whole of it; [`Framed`] is for protocols made of whole messages.
//!
//! ```
//! use corelay::protocol::{Input, Peer, Protocol, Step, TestPeer};
//! use corelay::CloseReason;
//! use std::convert::Infallible;
//!
//! /// Sends back what it gets.
//! struct Echo;
//!
//! impl Protocol for Echo {
//!     type State = ();
//!     type Mail = Infallible;
//!
//!     fn opened(&self, _: &mut Peer<'_, Self>) -> Result<(), CloseReason> {
//!         Ok(())
//!     }
//!
//!     fn received(&self, _: &mut (), input: &mut Input<'_>, peer: &mut Peer<'_, Self>) -> Step {
//!         peer.send(input.bytes());
//!         input.consume(input.len());
//!         Step::Continue
//!     }
//! }
//!
//! let mut peer = TestPeer::new(Echo);
//! peer.feed("hello");
//! assert_eq!(peer.received(), b"hello");
//! // corelay::Server::bind("127.0.0.1:7777")?.serve_protocol(Echo)
//! ```
//!
//! Deliberately absent: TLS, datagrams, and I/O of a protocol's own on a connection that the server reads.

mod frame;
mod framed;
mod hosted;
mod input;
mod letterbox;
mod live;
mod peer;
mod terms;
mod test_peer;

pub use frame::{Codec, Decoded, Endian, LengthPrefixed, Lines, TooLong, Width};
pub use framed::{Framed, FramedPeer, FramedState, Messages};
pub(crate) use hosted::{Errand, Hail, Hosted, Place, RunErrands};
pub use input::Input;
pub use letterbox::{Remote, SendError};
pub(crate) use live::{Desk, Live};
pub use peer::Peer;
pub use terms::Terms;
pub use test_peer::TestPeer;

use crate::connection::CloseReason;

/// A protocol over a byte stream. One value serves all connections, from all threads; what belongs to a connection is in its
/// [`State`](Protocol::State).
///
/// No two calls for the same connection run at the same time, and each comes after the one before. A call may block: its core is
/// then relayed to another thread, as with a handler of HTTP. A call that panics costs its own connection, and no other.
pub trait Protocol: Send + Sync + Sized + 'static {
    /// What a connection keeps between two calls.
    type State: Send + 'static;
    /// What others may send to a connection, from any thread, by its [`Remote`]; [`Infallible`](std::convert::Infallible) where
    /// nothing is sent.
    type Mail: Send + 'static;

    /// A new connection. What is written here is sent before anything is read: this is where a server speaks first.
    ///
    /// # Errors
    /// The peer is not wanted: it is sent what was written, and closed for this reason. [`CloseReason::Refused`] says so.
    fn opened(&self, peer: &mut Peer<'_, Self>) -> Result<Self::State, CloseReason>;

    /// Input is here. Takes the whole messages from the front of `input` and leaves the part of one behind them: with more
    /// input it is called again, and sees that part first.
    ///
    /// Answers gather until this returns. While [`Peer::is_full`] it should leave also whole messages: it is called again for
    /// them as soon as there is room.
    fn received(&self, state: &mut Self::State, input: &mut Input<'_>, peer: &mut Peer<'_, Self>) -> Step;

    /// Mail is here: each [`Remote`]'s in the order it was sent.
    ///
    /// By default it is dropped.
    fn delivered(&self, state: &mut Self::State, mail: Self::Mail, peer: &mut Peer<'_, Self>) -> Step {
        let _ = (state, mail, peer);
        Step::Continue
    }

    /// The peer sends no more, but may still read. After [`Step::Continue`] or [`Step::Pause`] there is only mail and the
    /// deadline to come.
    ///
    /// By default the connection closes when what was written is sent: as [`CloseReason::PeerClosed`], or
    /// [`CloseReason::PeerClosedEarly`] if part of a message was left.
    fn ended(&self, state: &mut Self::State, peer: &mut Peer<'_, Self>) -> Step {
        let _ = (state, peer);
        Step::Close(CloseReason::PeerClosed)
    }

    /// The deadline of [`Peer::set_deadline`] has passed. It has to be set anew to come again.
    ///
    /// By default the connection closes as [`CloseReason::Deadline`].
    fn expired(&self, state: &mut Self::State, peer: &mut Peer<'_, Self>) -> Step {
        let _ = (state, peer);
        Step::Close(CloseReason::Deadline)
    }

    /// The server drains. Asked whenever nothing is in flight that the server knows of: no part of a message, no unsent byte, no
    /// [`Step::Pause`]. After [`Step::Continue`] it is asked again at the end of each later turn, until the time to drain is over.
    ///
    /// By default the connection closes as [`CloseReason::Drain`].
    fn draining(&self, state: &mut Self::State, peer: &mut Peer<'_, Self>) -> Step {
        let _ = (state, peer);
        Step::Close(CloseReason::Drain)
    }

    /// The connection is gone, for this reason: the last call. Not for one that [`opened`](Protocol::opened) refused.
    fn closed(&self, state: Self::State, reason: CloseReason) {
        let _ = (state, reason);
    }

    /// The form of what [`pack`](Protocol::pack) gives, with its version, such as `chat/1`. At an upgrade, connections move to a new
    /// process that names the same form.
    ///
    /// By default there is none: they stay in the old process, and drain.
    fn packed_form(&self) -> Option<&'static str> {
        None
    }

    /// What a connection keeps, as bytes for another process: at an upgrade, between two turns, while no [`Remote`] of it is held and
    /// nothing is paused. Input that was left, output that was not taken and deadlines go along without the protocol's doing.
    /// `None`: this connection stays where it is until it ends.
    ///
    /// Called from a thread that serves nothing.
    fn pack(&self, state: &Self::State) -> Option<Vec<u8>> {
        let _ = state;
        None
    }

    /// A connection of another process, in the place of [`opened`](Protocol::opened): what it kept there, from what that process
    /// packed. `draining` and all others are then called as ever.
    ///
    /// # Errors
    /// It cannot go on: it is closed for this reason.
    fn unpack(&self, packed: &[u8], peer: &mut Peer<'_, Self>) -> Result<Self::State, CloseReason> {
        let _ = (packed, peer);
        Err(CloseReason::Internal)
    }

    /// What a peer is sent for whom a limit leaves no room, before it is closed. By default nothing.
    fn no_room(&self) -> &[u8] {
        b""
    }
}

/// What a connection does next. In any case, what was written is sent; but for [`Step::Abort`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Waits for input or mail.
    Continue,
    /// Reads nothing until mail or the deadline has come and asked to continue. Its idle time does not count meanwhile: what it waits
    /// for is not the peer.
    Pause,
    /// Has [`Protocol::received`] called again on a service thread, which may wait, with the input that it left. Up front, for
    /// what is known to block: a core that blocks without it is relayed all the same, after about two milliseconds.
    /// If no service thread can be had, the connection is closed as [`CloseReason::Overload`].
    Relay,
    /// Closes, once all that was written is sent. What the peer sends meanwhile is dropped.
    Close(CloseReason),
    /// Closes at once, whatever is unsent.
    Abort(CloseReason),
}
