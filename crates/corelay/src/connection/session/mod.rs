//! A connection that a protocol of the user's serves: the same socket, deadlines and ways to end as HTTP's, with the protocol's
//! state in a box of its own.
//!
//! ```text
//!   accepted ─▶ opened ─▶ ┌─────────┐ received: Continue, all taken     Pause  ┌────────┐
//!                         │ Reading │ ◀──────────────────────────────────────▶ │ Paused │ not read from
//!        part of a message├─────────┤                          mail: Continue  └────────┘
//!        is left          │  Part   │ ──▶ more input
//!        no room for more ├─────────┤
//!        output           │  Full   │ ──▶ what is left, once the output is taken
//!        peer has shut its├─────────┤
//!        side             │  Ended  │ ──▶ only mail and the deadline
//!                         └─────────┘ ──▶ Close: as HTTP's connections do, output first, then Linger
//! ```
//!
//! As with HTTP a call of [`Connection::look`] goes as far as the socket allows and says in [`Next`] what to wait for. What is
//! unfinished (input that was left, output not taken) is in the same box as HTTP's, and exists only while there is something.

mod moving;
mod rest;
mod service;
mod settle;
mod turn;

use super::{CloseReason, Connection, Doing};
use crate::clock::Tick;
use crate::http::panics::caught;
use crate::protocol::{Desk, Hosted, Live, Place, Step};
use crate::shared::{Shared, Ticks};
use crate::tally::Tally;
pub(super) use moving::{Moves, Packed};
use std::net::SocketAddr;

/// A protocol's part of a connection.
pub(super) struct Session {
    /// `None`: it is new.
    live: Option<Box<dyn Live>>,
    place: Place,
    /// The deadline that the protocol has set.
    own_due: Option<Tick>,
    /// The deadline that its terms set.
    due: Tick,
    flow: Flow,
    /// The server drains, and the protocol wants to go on.
    stays: bool,
    /// It has left its place to move to another process.
    left: bool,
    /// Its protocol keeps it in this process.
    kept: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// Waits for a message.
    Reading,
    /// Waits for the rest of one.
    Part,
    /// Messages were left until there is room for more output.
    Full,
    /// Reads nothing until mail says so.
    Paused,
    /// There is nothing more to read.
    Ended,
}

/// Why a connection is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Its socket may be ready.
    Event,
    /// It has mail.
    Mail,
}

/// A tick that does not come.
const NEVER: Tick = Tick(u32::MAX);

impl Connection {
    /// Makes it a protocol's, if it is not yet and the server serves one; and if it had left, it is back.
    #[inline(always)]
    pub(crate) fn host(&mut self, server: &Shared, place: impl FnOnce() -> Place) {
        if server.hosted.is_some() && self.session.as_ref().is_none_or(|session| session.left) {
            self.is_served_at(server, place);
        }
    }

    /// It is served here from now on.
    #[cold]
    pub(crate) fn is_served_at(&mut self, server: &Shared, place: impl FnOnce() -> Place) {
        match &mut self.session {
            None if server.hosted.is_some() => self.session = Some(Session::new(place())),
            None => {}
            Some(session) => {
                (session.place, session.left) = (place(), false);
                if let Some(live) = &mut session.live {
                    live.moved(&session.place);
                }
            }
        }
    }

    /// Whether it has nothing of a user's.
    #[inline]
    pub(crate) fn is_bare(&self) -> bool {
        self.unfinished.is_none() && self.session.is_none()
    }

    /// It is closed for this reason: drops what it has of a user's, whose protocol is told.
    pub(crate) fn end(mut self, reason: CloseReason, tally: &mut Tally) {
        if let Some(session) = self.session.take() {
            session.end(reason, tally);
        }
        if let Some(unfinished) = self.unfinished.take() {
            super::output::drop_in_user_code(unfinished, tally);
        }
    }

    /// Only its end is left: as with HTTP.
    pub(super) fn is_ending(&self) -> bool {
        let ends = |doing: &Doing| matches!(doing, Doing::Close { .. } | Doing::Linger { .. });
        self.unfinished.as_ref().is_some_and(|unfinished| ends(&unfinished.doing))
    }
}

impl Session {
    #[cold]
    fn new(place: Place) -> Box<Self> {
        let flow = Flow::Reading;
        let (stays, left, kept) = (false, false, false);
        Box::new(Self { live: None, place, own_due: None, due: NEVER, flow, stays, left, kept })
    }

    /// Between two messages, and with nothing that keeps it here.
    pub(super) fn is_idle(&self) -> bool {
        self.flow == Flow::Reading && self.live.is_some() && !self.stays
    }

    pub(super) fn deadline_at_home(&mut self, has_output: bool, now: Tick, ticks: &Ticks) -> Tick {
        self.due = now.after(if has_output { ticks.write } else { ticks.idle });
        self.deadline()
    }

    fn deadline(&self) -> Tick {
        self.own_due.map_or(self.due, |own| own.min(self.due))
    }

    fn is_called(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.is_called())
    }

    fn is_to_close(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.is_to_close())
    }

    fn end(self, reason: CloseReason, tally: &mut Tally) {
        let Some(live) = self.live else { return };
        tally.enter();
        let ended = caught(|| live.closed(reason));
        tally.leave();
        if let Err(message) = ended {
            tracing::error!(panic = message, "a protocol's `closed` panicked");
        }
    }
}

/// What a call of the protocol needs beside its session.
struct Lent<'a> {
    hosted: &'a Hosted,
    server: &'a Shared,
    now: Tick,
    address: Option<SocketAddr>,
    /// On a service thread.
    may_wait: bool,
}

/// Output, of which so many bytes are sent already.
type Out<'a> = (&'a mut Vec<u8>, usize);

impl Session {
    /// Calls the protocol, fenced, with a desk.
    #[inline(always)]
    fn call<R: From<Step>>(
        &mut self,
        lent: &Lent<'_>,
        out: Out<'_>,
        tally: &mut Tally,
        work: impl FnOnce(&mut (dyn Live + 'static), Desk<'_>) -> R,
    ) -> R {
        let Self { live, place, own_due, .. } = self;
        let Some(live) = live else { return Step::Abort(CloseReason::Internal).into() };
        let mut messages = 0;
        tally.enter();
        let outcome = caught(|| work(&mut **live, lent.desk(out, &mut messages, place, own_due)));
        tally.leave();
        tally.counters.requests.add(messages);
        outcome.unwrap_or_else(|message| panicked(&message).into())
    }
}

impl<'a> Lent<'a> {
    #[inline(always)]
    fn desk(
        &self,
        (out, sent): Out<'a>,
        messages: &'a mut u64,
        place: &'a Place,
        deadline: &'a mut Option<Tick>,
    ) -> Desk<'a> {
        Desk {
            out,
            sent,
            deadline,
            messages,
            address: self.address,
            place,
            hosted: self.hosted,
            now: self.now,
            cores: self.server.cores,
            is_draining: self.server.is_draining(),
            may_wait: self.may_wait,
        }
    }
}

/// What is half written must not be sent.
#[cold]
fn panicked(message: &str) -> Step {
    tracing::error!(panic = message, "a protocol panicked: its connection is closed");
    Step::Abort(CloseReason::Panicked)
}
