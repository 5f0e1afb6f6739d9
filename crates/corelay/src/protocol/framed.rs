//! Protocols of whole messages: a [`Codec`] finds them, [`Messages`] is called with one at a time.

use super::frame::{Codec, Decoded, TooLong};
use super::{Input, Peer, Protocol, Step};
use crate::connection::CloseReason;
use std::ops::{Deref, DerefMut};

/// What is done with messages: as [`Protocol`], with the bytes already cut into messages by a [`Codec`].
pub trait Messages: Send + Sync + Sized + 'static {
    /// What tells messages apart.
    type Codec: Codec;
    /// What a connection keeps between two calls.
    type State: Send + 'static;
    /// What others may send to a connection; [`Infallible`](std::convert::Infallible) where nothing is sent.
    type Mail: Send + 'static;

    /// What tells messages apart.
    fn codec(&self) -> &Self::Codec;

    /// A new connection: see [`Protocol::opened`].
    ///
    /// # Errors
    /// The peer is not wanted, for this reason.
    fn opened(&self, peer: &mut FramedPeer<'_, '_, Self>) -> Result<Self::State, CloseReason>;

    /// A message is here. After [`Step::Continue`] the next one follows; after [`Step::Pause`] it waits. After [`Step::Relay`]
    /// this one comes once more, on a service thread: what is to be done before that must be done only if
    /// [`Peer::may_wait`] says no.
    fn message(&self, state: &mut Self::State, message: &[u8], peer: &mut FramedPeer<'_, '_, Self>) -> Step;

    /// Mail is here: see [`Protocol::delivered`].
    fn delivered(
        &self,
        state: &mut Self::State,
        mail: Self::Mail,
        peer: &mut FramedPeer<'_, '_, Self>,
    ) -> Step {
        let _ = (state, mail, peer);
        Step::Continue
    }

    /// The peer sends no more: see [`Protocol::ended`].
    fn ended(&self, state: &mut Self::State, peer: &mut FramedPeer<'_, '_, Self>) -> Step {
        let _ = (state, peer);
        Step::Close(CloseReason::PeerClosed)
    }

    /// The deadline has passed: see [`Protocol::expired`].
    fn expired(&self, state: &mut Self::State, peer: &mut FramedPeer<'_, '_, Self>) -> Step {
        let _ = (state, peer);
        Step::Close(CloseReason::Deadline)
    }

    /// The server drains: see [`Protocol::draining`].
    fn draining(&self, state: &mut Self::State, peer: &mut FramedPeer<'_, '_, Self>) -> Step {
        let _ = (state, peer);
        Step::Close(CloseReason::Drain)
    }

    /// The connection is gone: see [`Protocol::closed`].
    fn closed(&self, state: Self::State, reason: CloseReason) {
        let _ = (state, reason);
    }

    /// See [`Protocol::packed_form`].
    fn packed_form(&self) -> Option<&'static str> {
        None
    }

    /// What a connection keeps, for another process: see [`Protocol::pack`].
    fn pack(&self, state: &Self::State) -> Option<Vec<u8>> {
        let _ = state;
        None
    }

    /// A connection of another process: see [`Protocol::unpack`].
    ///
    /// # Errors
    /// It cannot go on, for this reason.
    fn unpack(&self, packed: &[u8], peer: &mut FramedPeer<'_, '_, Self>) -> Result<Self::State, CloseReason> {
        let _ = (packed, peer);
        Err(CloseReason::Internal)
    }

    /// See [`Protocol::no_room`]; as it is sent, with what a codec would put around it.
    fn no_room(&self) -> &[u8] {
        b""
    }
}

/// The [`Protocol`] of [`Messages`].
///
/// ```
/// use corelay::CloseReason;
/// use corelay::protocol::{Framed, FramedPeer, Lines, Messages, Step, TestPeer};
/// use std::convert::Infallible;
///
/// /// Adds up the numbers of each line.
/// struct Sums(Lines);
///
/// impl Messages for Sums {
///     type Codec = Lines;
///     type State = ();
///     type Mail = Infallible;
///
///     fn codec(&self) -> &Lines {
///         &self.0
///     }
///
///     fn opened(&self, _: &mut FramedPeer<'_, '_, Self>) -> Result<(), CloseReason> {
///         Ok(())
///     }
///
///     fn message(&self, _: &mut (), line: &[u8], peer: &mut FramedPeer<'_, '_, Self>) -> Step {
///         let numbers = str::from_utf8(line).map(|line| line.split(' ').map(str::parse::<u32>));
///         match numbers.map(|numbers| numbers.map(|number| number.ok()).sum::<Option<u32>>()) {
///             Ok(Some(sum)) => peer.answer(sum.to_string().as_bytes()),
///             _ => Step::Close(CloseReason::Malformed),
///         }
///     }
/// }
///
/// let mut peer = TestPeer::new(Framed::new(Sums(Lines::new(1024))));
/// peer.feed("1 2 3\n4 5 6\n7");
/// assert_eq!(peer.received(), b"6\n15\n");
/// peer.feed(" 8\n");
/// assert_eq!(peer.received(), b"15\n");
/// peer.feed("nine\n");
/// assert_eq!(peer.closed(), Some(CloseReason::Malformed));
/// ```
#[derive(Debug)]
pub struct Framed<M>(M);

impl<M: Messages> Framed<M> {
    /// The protocol of `messages`.
    pub fn new(messages: M) -> Self {
        Self(messages)
    }

    /// What is done with messages: for an errand of [`Peer::post`].
    pub fn messages(&self) -> &M {
        &self.0
    }
}

/// The peer of a [`Framed`] connection: a [`Peer`] that sends messages.
#[derive(Debug)]
pub struct FramedPeer<'p, 'a, M: Messages> {
    peer: &'p mut Peer<'a, Framed<M>>,
    codec: &'p M::Codec,
}

impl<M: Messages> FramedPeer<'_, '_, M> {
    /// Sends a message.
    ///
    /// # Errors
    /// It is longer than its codec allows; nothing is sent.
    pub fn send_message(&mut self, message: &[u8]) -> Result<(), TooLong> {
        self.codec.encode(message, self.peer.out())
    }

    /// Sends a message and continues; one that is too long closes the connection as [`CloseReason::AnswerBroken`].
    pub fn answer(&mut self, message: &[u8]) -> Step {
        match self.send_message(message) {
            Ok(()) => Step::Continue,
            Err(_) => Step::Close(CloseReason::AnswerBroken),
        }
    }
}

impl<'a, M: Messages> Deref for FramedPeer<'_, 'a, M> {
    type Target = Peer<'a, Framed<M>>;

    fn deref(&self) -> &Self::Target {
        self.peer
    }
}

impl<M: Messages> DerefMut for FramedPeer<'_, '_, M> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.peer
    }
}

/// The state of a [`Framed`] connection.
#[derive(Debug)]
pub struct FramedState<S> {
    state: S,
    /// How much of the part of a message that is left was looked at.
    seen: usize,
}

impl<M: Messages> Protocol for Framed<M> {
    type State = FramedState<M::State>;
    type Mail = M::Mail;

    fn opened(&self, peer: &mut Peer<'_, Self>) -> Result<Self::State, CloseReason> {
        let state = self.0.opened(&mut FramedPeer { peer, codec: self.0.codec() })?;
        Ok(FramedState { state, seen: 0 })
    }

    fn received(&self, state: &mut Self::State, input: &mut Input<'_>, peer: &mut Peer<'_, Self>) -> Step {
        let codec = self.0.codec();
        let mut peer = FramedPeer { peer, codec };
        while !input.is_empty() && !peer.is_full() {
            let bytes = input.bytes();
            match codec.decode(bytes, std::mem::take(&mut state.seen)) {
                Decoded::Message { payload, consumed } => {
                    let message = bytes.get(payload).unwrap_or_default();
                    let step = self.0.message(&mut state.state, message, &mut peer);
                    if step == Step::Relay && !peer.may_wait() {
                        return step;
                    }
                    input.consume(consumed);
                    peer.count_messages(1);
                    if step != Step::Continue {
                        return step;
                    }
                }
                Decoded::Partial => {
                    state.seen = bytes.len();
                    break;
                }
                Decoded::Refused(reason) => return Step::Close(reason),
            }
        }
        Step::Continue
    }

    fn delivered(&self, state: &mut Self::State, mail: Self::Mail, peer: &mut Peer<'_, Self>) -> Step {
        self.0.delivered(&mut state.state, mail, &mut FramedPeer { peer, codec: self.0.codec() })
    }

    fn ended(&self, state: &mut Self::State, peer: &mut Peer<'_, Self>) -> Step {
        self.0.ended(&mut state.state, &mut FramedPeer { peer, codec: self.0.codec() })
    }

    fn expired(&self, state: &mut Self::State, peer: &mut Peer<'_, Self>) -> Step {
        self.0.expired(&mut state.state, &mut FramedPeer { peer, codec: self.0.codec() })
    }

    fn draining(&self, state: &mut Self::State, peer: &mut Peer<'_, Self>) -> Step {
        self.0.draining(&mut state.state, &mut FramedPeer { peer, codec: self.0.codec() })
    }

    fn closed(&self, state: Self::State, reason: CloseReason) {
        self.0.closed(state.state, reason);
    }

    fn packed_form(&self) -> Option<&'static str> {
        self.0.packed_form()
    }

    fn pack(&self, state: &Self::State) -> Option<Vec<u8>> {
        self.0.pack(&state.state)
    }

    /// How much of a part of a message was looked at is not known here: it is looked at once more.
    fn unpack(&self, packed: &[u8], peer: &mut Peer<'_, Self>) -> Result<Self::State, CloseReason> {
        let state = self.0.unpack(packed, &mut FramedPeer { peer, codec: self.0.codec() })?;
        Ok(FramedState { state, seen: 0 })
    }

    fn no_room(&self) -> &[u8] {
        self.0.no_room()
    }
}
