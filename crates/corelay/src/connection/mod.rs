//! A connection: a socket and, only while a message is incomplete, what there is of it.
//!
//! ```text
//!  (Introduction)   where proxies connect: the header that names the client
//!      │      whole request                         answer does not fit
//!   ┌──────┐ ───────────────▶ handler ── answer ──────────────────────────┐
//!   │ Idle │ ◀───────────────────────────────────────┐                    ▼
//!   └──────┘ part of a head   ┌──────┐  the rest     │              ┌──────────┐
//!      │  └─────────────────▶ │ Head │ ──▶ handler ──┤ ◀── taken ── │ (output) │  not read from meanwhile
//!      │                      └──────┘               │              └──────────┘
//!      │ body to be gathered  ┌────────┐ the rest    │
//!      ├────────────────────▶ │ Gather │ ─▶ handler ─┤
//!      │ body left unread     ├────────┤ the rest    │
//!      ├────────────────────▶ │Discard │ ────────────┤
//!      │ may block            ├────────┤ answered    │
//!      ├────────────────────▶ │Service │ ────────────┘   on another thread, by value
//!      │ refused, or last     ├────────┤ end of input, or deadline
//!      └────────────────────▶ │ Linger │ ─────────────▶ closed
//!                             └────────┘
//! ```
//!
//! The state machine does no waiting: each call of [`Connection::serve`] takes it as far as the socket allows and says
//! in [`Next`] what to wait for. So it is the same on every engine. An idle connection holds no buffer: everything
//! beyond the socket is in a box that exists only while there is something in it.

mod body;
mod close;
mod discard;
mod expiry;
mod gather;
mod head;
mod input;
mod introduction;
mod kept;
mod moving;
mod output;
mod serve;
mod service;
mod session;
mod settle;
#[cfg(test)]
mod tests;
mod turn;
mod uptake;
mod wire;

pub use close::CloseReason;
pub(crate) use gather::Gathered;
pub(crate) use moving::{Kinds, State};
pub(crate) use output::Outgoing;
pub(crate) use service::Job;
pub(crate) use turn::{INPUT_BYTES, Turn};
pub(crate) use wire::{BUFFER_BYTES, wait_for};

use crate::buffers::Room;
use crate::clock::Tick;
use crate::door::Arrival;
use crate::shared::Ticks;
use body::Gather;
use bytes::Bytes;
use corelay_http::RequestHead;
use corelay_poll::Interest;
use discard::Discard;
use output::ChunkStream;
use session::{Moves, Packed, Session};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use uptake::Uptake;

/// An accepted socket with its protocol state. Owned by exactly one thread, moved by value.
pub(crate) struct Connection {
    pub(crate) socket: OwnedFd,
    pub(crate) peer: Option<SocketAddr>,
    /// What its core's poller was told.
    pub(crate) registered: Interest,
    /// Turns it was served since its core began to count.
    pub(crate) turns: u32,
    /// When [`Connection::expired`] is due.
    pub(crate) deadline: Tick,
    /// Everything an idle connection does not have.
    unfinished: Option<Box<Unfinished>>,
    /// The protocol that serves it, if that is not HTTP.
    session: Option<Box<Session>>,
}

/// What a connection has while a message is incomplete.
#[derive(Default)]
struct Unfinished {
    /// Received and not yet consumed: part of a head, or requests that wait for their turn.
    input: Vec<u8>,
    /// How far the head in `input` has been parsed.
    parser: RequestHead,
    /// Encoded and not yet taken by the peer, from `sent` on.
    output: Vec<u8>,
    sent: usize,
    /// How the peer takes that and what follows it.
    uptake: Uptake,
    /// What follows `output`.
    tail: Tail,
    /// For what `tail` was when it began.
    tail_room: Room,
    doing: Doing,
    /// It is another process's, and its protocol has not seen it yet.
    packed: Option<Box<Packed>>,
    /// For everything here but `tail`.
    room: Room,
}

/// The rest of an answer that is not encoded yet.
#[derive(Default)]
enum Tail {
    #[default]
    None,
    /// A body too large to copy.
    Bytes(Bytes),
    /// A body that is made as it is sent.
    Chunks(Box<ChunkStream>),
}

/// What a connection goes on with, once its output is taken.
#[derive(Default)]
enum Doing {
    /// Waiting for a request. Its `input` is empty.
    #[default]
    Idle,
    /// Whole requests may be left in `input`: others are served first.
    Again,
    /// `input` is part of the PROXY protocol header that the connection of the proxy at `from` begins with.
    Introduction { from: Option<SocketAddr> },
    /// `input` is part of a head.
    Head,
    /// Gathering a body for its handler.
    Gather(Box<Gather>),
    /// Reading a body nobody wants.
    Discard(Discard),
    /// Going to a service thread.
    Service(Box<Job>),
    /// Closing. If the peer may still be sending, or the answer may still be on its way when it sends again, its input is read for a
    /// while, so that no reset overtakes the answer; else only if there is any.
    Close { reason: CloseReason, linger: bool },
    /// The answer is sent and our side shut; reading until the peer is done or, at the latest, at `until`.
    Linger { reason: CloseReason, until: Tick },
}

/// What a connection waits for.
pub(crate) enum Next {
    /// Input.
    Read,
    /// Room for output. It is not read from meanwhile.
    Write,
    /// Its next turn.
    Again,
    /// A service thread.
    Service(Box<Job>),
    /// Mail. It is not read meanwhile; `mute`: its socket must not be reported again, for it is ready already.
    Mail { mute: bool },
    /// Nothing more.
    Close(CloseReason),
}

impl Connection {
    /// A new connection, which has until `deadline` to send something.
    pub(crate) fn new(socket: OwnedFd, peer: Option<SocketAddr>, deadline: Tick) -> Self {
        Self { socket, peer, registered: Interest::NONE, turns: 0, deadline, unfinished: None, session: None }
    }

    /// The same at a door. A proxy's has no peer until it is introduced.
    #[inline(always)]
    pub(crate) fn arriving(arrival: Arrival, deadline: Tick) -> Self {
        let Arrival { socket, peer, proxied } = arrival;
        if proxied {
            let unfinished = Some(Unfinished::introduction(peer));
            return Self { unfinished, ..Self::new(socket, None, deadline) };
        }
        Self::new(socket, peer, deadline)
    }

    /// Whether nothing is in flight: no request or PROXY protocol header begun, no answer unsent.
    pub(crate) fn is_idle(&self) -> bool {
        match &self.unfinished {
            Some(unfinished) => {
                matches!(unfinished.doing, Doing::Introduction { .. }) && unfinished.input.is_empty()
            }
            None => self.session.as_ref().is_none_or(|session| session.is_idle()),
        }
    }

    /// Its deadline when it comes home to its core, whatever it was before: as if what it waits for began now.
    pub(crate) fn deadline_at_home(&mut self, now: Tick, ticks: &Ticks) -> Tick {
        let output = self.unfinished.as_mut().filter(|unfinished| unfinished.has_output());
        let has_output = output.is_some();
        if let Some(unfinished) = output {
            unfinished.uptake.restart(now, ticks.write);
        }
        if let Some(session) = &mut self.session {
            return session.deadline_at_home(has_output, now, ticks);
        }
        match &mut self.unfinished {
            None => now.after(ticks.idle),
            Some(_) if has_output => now.after(ticks.write),
            Some(unfinished) => match &mut unfinished.doing {
                Doing::Linger { until, .. } => {
                    *until = now.after(ticks.linger_in_all);
                    now.after(ticks.linger)
                }
                _ => now.after(ticks.body),
            },
        }
    }
}
