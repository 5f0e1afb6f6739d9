//! A body that its handler does not want: read and dropped, up to a limit, so that the next request is found.
//!
//! One of a known length is dropped behind the answer. One in chunks is dropped before it: whether it is well-formed, and where it ends, is
//! known at its end.

use super::body::{Arrived, Pace, answer_discarded, move_up};
use super::head::is_of_head_request;
use super::input::Received;
use super::output::Outgoing;
use super::settle::Pause;
use super::{CloseReason, Connection, Doing, Next, Turn};
use crate::clock::{Moment, Tick};
use crate::http::Params;
use crate::shared::Shared;
use crate::tally::Tally;
use corelay_http::{BodyDecoder, BodyError, Limits, RequestHead};
use std::net::SocketAddr;

/// A body that is read and dropped.
pub(crate) struct Discard {
    decoder: BodyDecoder,
    bytes_left: u64,
    pace: Pace,
    /// The head of its request, if that is not answered yet.
    unanswered: Option<Vec<u8>>,
    /// What it came to, if it is still to be answered.
    settled: Option<Discarded>,
    /// It came more slowly than allowed, and is still to be answered.
    late: bool,
}

/// What became of unwanted bytes.
#[derive(Clone, Copy)]
pub(super) enum Discarded {
    Complete,
    More,
    Refused(BodyError),
    TooMuch,
}

impl Discard {
    pub(super) fn new(decoder: BodyDecoder, now: Moment, server: &Shared) -> Self {
        let bytes_left = server.config.limits.max_unread_body_bytes;
        Self { decoder, bytes_left, pace: Pace::new(now), unanswered: None, settled: None, late: false }
    }

    /// Has the request of this head answered when its body is done with.
    pub(super) fn put_off(&mut self, head: &[u8]) {
        self.unanswered = Some(head.to_vec());
    }

    /// Whether its request is answered only when it is done with.
    pub(super) fn is_unanswered(&self) -> bool {
        self.unanswered.is_some()
    }

    pub(super) fn is_of_head_request(&self) -> bool {
        self.unanswered.as_deref().is_some_and(is_of_head_request)
    }

    pub(super) fn kept_bytes(&self) -> usize {
        self.unanswered.as_ref().map_or(0, Vec::capacity)
    }

    /// Answers the request, if that has been put off until now.
    fn answer(
        &mut self,
        state: Discarded,
        out: &mut Outgoing,
        tally: &mut Tally,
        peer: &Option<SocketAddr>,
        server: &Shared,
    ) -> Result<(), Box<Pause>> {
        let Some(head_bytes) = self.unanswered.take() else {
            return match state {
                Discarded::Complete | Discarded::More => Ok(()),
                Discarded::Refused(_) => Err(Pause::closing(CloseReason::Malformed, true)),
                Discarded::TooMuch => Err(Pause::closing(CloseReason::BodyUnread, true)),
            };
        };
        let mut parser = RequestHead::new();
        if parser.parse(&head_bytes, &server.http_limits).is_err() {
            return Err(Pause::closing(CloseReason::Internal, true));
        }
        let head = parser.view(&head_bytes);
        let endpoint = server.app.route(&head, &mut Params::none());
        let arrived = Arrived { head, bytes: &head_bytes, endpoint, after_head: &[], peer };
        answer_discarded(&arrived, state, out, tally, server)
    }

    /// When it was begun.
    pub(super) fn began(&self) -> Tick {
        self.pace.began.tick
    }

    /// Drops a piece of the body; says how much of it, once something else is to be done, and what, if that is not to answer.
    pub(super) fn take_piece(
        &mut self,
        piece: &[u8],
        now: Moment,
        server: &Shared,
    ) -> Option<(usize, Option<Doing>)> {
        let keeps_up = self.pace.keeps_up(piece.len(), now, server);
        let (consumed, state) = self.take_in(piece, &server.http_limits);
        if self.is_unanswered() {
            match state {
                Discarded::More if keeps_up => return None,
                Discarded::More => self.late = true,
                state => self.settled = Some(state),
            }
            return Some((consumed, None));
        }
        let closing = |reason, linger| (piece.len(), Some(Doing::Close { reason, linger }));
        match state {
            Discarded::Complete => Some((consumed, Some(Doing::Again))),
            Discarded::More if keeps_up => None,
            Discarded::More => Some(closing(CloseReason::BodyTooSlow, false)),
            Discarded::Refused(_) => Some(closing(CloseReason::Malformed, true)),
            Discarded::TooMuch => Some(closing(CloseReason::BodyUnread, true)),
        }
    }

    /// Drops body bytes; the number is what was consumed.
    pub(super) fn take_in(&mut self, input: &[u8], limits: &Limits) -> (usize, Discarded) {
        let mut at = 0;
        loop {
            if self.decoder.is_complete() {
                return (at, Discarded::Complete);
            }
            let decoded = match self.decoder.decode(&input[at..], limits) {
                Ok(decoded) => decoded,
                Err(error) => return (input.len(), Discarded::Refused(error)),
            };
            at += decoded.consumed;
            // All that was read counts, so that chunk overhead cannot go on for ever.
            let Some(left) = self.bytes_left.checked_sub(decoded.consumed as u64) else {
                return (input.len(), Discarded::TooMuch);
            };
            self.bytes_left = left;
            if decoded.consumed == 0 {
                let certain = self.decoder.remaining_hint();
                let state = if certain > self.bytes_left { Discarded::TooMuch } else { Discarded::More };
                return (at, state);
            }
        }
    }
}

impl Connection {
    /// More of a body that nobody wants, or, where that is [over](Connection::gather), `behind` it.
    pub(super) fn receive_unwanted(
        &mut self,
        mut discard: Discard,
        behind: &[u8],
        turn: &mut Turn,
        server: &Shared,
    ) -> Result<Received, Next> {
        if let Some(state) = discard.settled.take() {
            turn.input[..behind.len()].copy_from_slice(behind);
            return self.answer_unwanted(discard, state, (0, behind.len()), turn, server);
        }
        if discard.late {
            return Err(self.unwanted_too_slow(discard, turn, server));
        }
        let filled = match self.read_on(&mut turn.input, &turn.tally.counters) {
            Ok(filled) => filled,
            Err(Next::Read) => {
                self.keep_doing(Doing::Discard(discard));
                return Err(Next::Read);
            }
            Err(end) => return Err(end),
        };
        let keeps_up = discard.pace.keeps_up(filled, turn.now, server);
        match discard.take_in(&turn.input[..filled], &server.http_limits) {
            (_, Discarded::More) if !keeps_up => Err(self.unwanted_too_slow(discard, turn, server)),
            (_, Discarded::More) => {
                let pause = Pause::to(Doing::Discard(discard));
                Err(self.settle(Some(pause), filled..filled, turn, server))
            }
            (consumed, state) => self.answer_unwanted(discard, state, (consumed, filled), turn, server),
        }
    }

    /// A body that nobody wants is done with: goes on with what is behind it, from the first offset to the second.
    fn answer_unwanted(
        &mut self,
        mut discard: Discard,
        state: Discarded,
        (from, to): (usize, usize),
        turn: &mut Turn,
        server: &Shared,
    ) -> Result<Received, Next> {
        match discard.answer(state, &mut turn.out, &mut turn.tally, &self.peer, server) {
            Ok(()) => Ok(move_up(turn, from, to)),
            Err(pause) => Err(self.settle(Some(pause), from..to, turn, server)),
        }
    }

    fn unwanted_too_slow(&mut self, discard: Discard, turn: &mut Turn, server: &Shared) -> Next {
        if !discard.is_unanswered() {
            return Next::Close(CloseReason::BodyTooSlow);
        }
        self.keep_doing(Doing::Discard(discard));
        self.time_out(CloseReason::BodyTooSlow, true, turn, server)
    }
}
