//! The end of a protocol's turn: what was written is sent, what is unfinished is kept, and what to wait for is decided.

use super::super::output::{Sent, send};
use super::super::uptake::Uptake;
use super::super::{CloseReason, Connection, Doing, Job, Next, Tail, Turn, Unfinished};
use super::{Cause, Flow, Lent, NEVER, Session};
use crate::protocol::{Hosted, Live, Step};
use crate::shared::Shared;
use std::os::fd::AsFd;

/// What a turn has come to.
pub(super) struct Outcome {
    pub(super) cause: Cause,
    /// `Err`: it closes, or goes to a service thread.
    pub(super) then: Result<(), Step>,
    /// Input that was left.
    pub(super) kept: Vec<u8>,
    /// The time for what it waits for begins now.
    pub(super) fresh: bool,
    /// Its socket was reported, and not read.
    pub(super) unread: bool,
    /// And is not to be reported again, until it is read.
    pub(super) mute: bool,
}

impl Default for Outcome {
    fn default() -> Self {
        let then = Ok(());
        Self { cause: Cause::Event, then, kept: Vec::new(), fresh: false, unread: false, mute: false }
    }
}

impl Outcome {
    pub(super) fn then(self, then: Result<(), Step>) -> Self {
        Self { then, ..self }
    }

    /// Lets go of input that was taken, and of memory that is much more than the rest needs.
    pub(super) fn consume(&mut self, count: usize) {
        self.kept.drain(..count);
        if self.kept.capacity() / 2 > self.kept.len() {
            self.kept.shrink_to_fit();
        }
    }
}

impl Connection {
    /// The end of a turn of the hot path that did not end as usual.
    #[cold]
    #[inline(never)]
    pub(super) fn settle_session(
        &mut self,
        (step, kept): (Step, Vec<u8>),
        turn: &mut Turn,
        server: &Shared,
        hosted: &Hosted,
    ) -> Next {
        let Some(mut session) = self.session.take() else { return Next::Close(CloseReason::Internal) };
        let lent = Lent { hosted, server, now: turn.now.tick, address: self.peer, may_wait: false };
        let full = turn.out.bytes.len() >= hosted.terms.max_unsent_bytes;
        let then = session.follow(step, kept.len(), full);
        let outcome = Outcome { then, kept, fresh: true, ..Outcome::default() };
        let next = self.conclude_session(&mut session, outcome, turn, &lent);
        self.session = Some(session);
        next
    }

    pub(super) fn conclude_session(
        &mut self,
        session: &mut Session,
        mut outcome: Outcome,
        turn: &mut Turn,
        lent: &Lent<'_>,
    ) -> Next {
        if outcome.then.is_ok() {
            outcome.then = session.may_go_on(&outcome, turn, lent);
        }
        if let Err(Step::Abort(reason)) = outcome.then {
            turn.out.reset();
            return Next::Close(reason);
        }
        outcome.fresh |= !turn.out.bytes.is_empty();
        let doing = session.doing(&mut outcome, !turn.out.bytes.is_empty());
        let mut at = 0;
        match send(self.socket.as_fd(), &mut turn.out.bytes, &mut at, &mut Tail::None, &mut turn.tally) {
            Sent::Failed(reason) => {
                turn.out.reset();
                Next::Close(reason)
            }
            Sent::Partly { .. } => {
                let mut unfinished =
                    Unfinished { input: outcome.kept, doing, sent: at, ..Unfinished::default() };
                if matches!(unfinished.doing, Doing::Service(_)) {
                    // Once the output is taken it is asked again.
                    (unfinished.doing, session.flow) = (Doing::Idle, Flow::Full);
                }
                unfinished.output = turn.out.take_unsent(&mut unfinished.sent);
                unfinished.uptake = Uptake::begin(self.socket.as_fd(), lent.now, lent.server.ticks.write);
                if unfinished.hold(lent.server).is_err() {
                    return Next::Close(CloseReason::Overload);
                }
                session.due = lent.now.after(lent.server.ticks.write);
                self.unfinished = Some(Box::new(unfinished));
                self.deadline = session.deadline();
                Next::Write
            }
            Sent::All => {
                turn.out.reset();
                self.wait_for_next(session, outcome, doing, turn, lent)
            }
        }
    }

    /// All that was written is sent.
    fn wait_for_next(
        &mut self,
        session: &mut Session,
        outcome: Outcome,
        doing: Doing,
        turn: &mut Turn,
        lent: &Lent<'_>,
    ) -> Next {
        let Outcome { cause, kept, fresh, unread, mute, .. } = outcome;
        if !matches!(doing, Doing::Idle) {
            let unfinished = Box::new(Unfinished { input: kept, ..Unfinished::default() });
            return self.go_on(unfinished, doing, None, turn, lent.server);
        }
        if !kept.is_empty() {
            let mut unfinished = Box::new(Unfinished { input: kept, ..Unfinished::default() });
            if unfinished.hold(lent.server).is_err() {
                return Next::Close(CloseReason::Overload);
            }
            self.unfinished = Some(unfinished);
        }
        let ticks = match session.flow {
            Flow::Paused | Flow::Ended => None,
            Flow::Part => Some(lent.hosted.message_ticks),
            Flow::Reading | Flow::Full => Some(lent.server.ticks.idle),
        };
        if fresh || ticks.is_none() {
            session.due = ticks.map_or(NEVER, |ticks| lent.now.after(ticks));
        }
        self.deadline = session.deadline();
        match session.flow {
            _ if session.is_called() => Next::Again,
            Flow::Full => Next::Again,
            Flow::Reading | Flow::Part if unread && cause == Cause::Event => Next::Again,
            Flow::Reading | Flow::Part => Next::Read,
            Flow::Paused => Next::Mail { mute },
            Flow::Ended => Next::Mail { mute: true },
        }
    }
}

impl Session {
    /// Whether what is left of the input is within its limit, and, while the server drains, the protocol wants to go on.
    fn may_go_on(&mut self, outcome: &Outcome, turn: &mut Turn, lent: &Lent<'_>) -> Result<(), Step> {
        if self.flow == Flow::Part && outcome.kept.len() >= lent.hosted.terms.max_input_bytes {
            return Err(Step::Close(CloseReason::TooLarge));
        }
        if self.flow != Flow::Reading || !lent.server.is_draining() {
            return Ok(());
        }
        let step = self.call(lent, (&mut turn.out.bytes, 0), &mut turn.tally, Live::draining);
        self.stays = true;
        self.follow_mail(step, false)
    }

    /// What the connection goes on with once all is sent.
    fn doing(&self, outcome: &mut Outcome, writes: bool) -> Doing {
        match outcome.then {
            Err(Step::Close(reason)) => {
                let kept = std::mem::take(&mut outcome.kept);
                let cut = reason == CloseReason::PeerClosed && !kept.is_empty();
                let reason = if cut { CloseReason::PeerClosedEarly } else { reason };
                // A peer that has not ended may be sending: closing at once could reset what it has not read yet.
                let linger = self.flow != Flow::Ended && (writes || !kept.is_empty());
                Doing::Close { reason, linger }
            }
            Err(Step::Relay) => Doing::Service(Box::new(Job::Session)),
            _ => Doing::Idle,
        }
    }
}
