//! What is not a protocol's usual turn: its first, those with mail or with something unfinished, and its deadlines.

use super::super::input::{Read, read};
use super::super::output::{Sent, send};
use super::super::{CloseReason, Connection, Doing, Next, Tail, Turn, Unfinished};
use super::settle::Outcome;
use super::{Cause, Flow, Lent, Session};
use crate::http::panics::caught;
use crate::protocol::{Desk, Hosted, Input, Live, Step};
use crate::shared::Shared;
use std::os::fd::AsFd;

impl Connection {
    /// The connection has mail. Its socket is not looked at.
    #[cold]
    #[inline(never)]
    pub(crate) fn look_for_mail(&mut self, turn: &mut Turn, server: &Shared) -> Next {
        match &server.hosted {
            Some(hosted) => self.resume_session(Cause::Mail, turn, server, hosted),
            None => Next::Read,
        }
    }

    /// Goes on where the connection was left: its output, its mail, what was left of its input, and then its socket.
    #[cold]
    #[inline(never)]
    pub(super) fn resume_session(
        &mut self,
        cause: Cause,
        turn: &mut Turn,
        server: &Shared,
        hosted: &Hosted,
    ) -> Next {
        if self.is_ending() {
            return self.resume(turn, server).err().unwrap_or(Next::Close(CloseReason::Internal));
        }
        let Some(mut session) = self.session.take() else { return Next::Close(CloseReason::Internal) };
        if let Err(next) = self.introduce_session(&mut session, turn, server) {
            self.session = Some(session);
            return next;
        }
        let lent = Lent { hosted, server, now: turn.now.tick, address: self.peer, may_wait: false };
        let next = match self.take_up(&mut session, cause, turn, &lent) {
            Ok(outcome) => self.conclude_session(&mut session, outcome, turn, &lent),
            Err(next) => turn.without_output(next),
        };
        self.session = Some(session);
        next
    }

    /// A proxy's connection gets its peer before the protocol hears of it. What came behind the header is as if the protocol
    /// had left it.
    fn introduce_session(
        &mut self,
        session: &mut Session,
        turn: &mut Turn,
        server: &Shared,
    ) -> Result<(), Next> {
        let Some(unfinished) = self.unfinished.take_if(|unfinished| unfinished.introduces().is_some()) else {
            return Ok(());
        };
        let from = unfinished.introduces().flatten();
        let filled = self.introduce(unfinished, from, turn, server)?;
        if filled > 0 {
            let input = turn.input[..filled].to_vec();
            self.unfinished = Some(Box::new(Unfinished { input, ..Unfinished::default() }));
            session.flow = Flow::Full;
        }
        Ok(())
    }

    /// Everything but the end of the turn.
    fn take_up(
        &mut self,
        session: &mut Session,
        cause: Cause,
        turn: &mut Turn,
        lent: &Lent<'_>,
    ) -> Result<Outcome, Next> {
        let mut outcome = Outcome { cause, ..Outcome::default() };
        if session.live.is_none() {
            outcome.fresh = self.unfinished.as_ref().is_none_or(|unfinished| unfinished.packed.is_none());
            if let Err(step) = self.open_session(session, turn, lent) {
                return Ok(outcome.then(Err(step)));
            }
        }
        if let Some(unfinished) = self.unfinished.take() {
            outcome.fresh |= unfinished.has_output();
            outcome.kept = self.flush(session, unfinished, cause, turn, lent)?;
        }
        if session.is_called() {
            let was = session.flow;
            let step = session.call(lent, (&mut turn.out.bytes, 0), &mut turn.tally, Live::deliver);
            outcome.then = step.map_or(Ok(()), |step| session.follow_mail(step, !outcome.kept.is_empty()));
            outcome.fresh |= was != session.flow;
            // What its socket was reported for is not looked at in this turn.
            outcome.unread = was == Flow::Paused && session.flow == Flow::Full;
        }
        if outcome.then.is_err() {
            return Ok(outcome);
        }
        match session.flow {
            Flow::Full => Ok(self.receive_again(session, outcome, turn, lent)),
            Flow::Reading | Flow::Part if cause == Cause::Event => {
                self.receive_behind(session, outcome, turn, lent)
            }
            // Reported in vain: it must not be again.
            Flow::Paused => Ok(Outcome { mute: cause == Cause::Event, ..outcome }),
            Flow::Reading | Flow::Part | Flow::Ended => Ok(outcome),
        }
    }

    /// Sends what is unsent, and gives what was left of the input. `Err`: it is not all taken.
    fn flush(
        &mut self,
        session: &mut Session,
        mut unfinished: Box<Unfinished>,
        cause: Cause,
        turn: &mut Turn,
        lent: &Lent<'_>,
    ) -> Result<Vec<u8>, Next> {
        if !unfinished.has_output() {
            return Ok(unfinished.input);
        }
        // Mail is no reason to think that there is room.
        if cause == Cause::Event {
            let socket = self.socket.as_fd();
            let sight = unfinished.uptake.sight(socket, lent.server);
            let Unfinished { output, sent, .. } = &mut *unfinished;
            match send(socket, output, sent, &mut Tail::None, &mut turn.tally) {
                Sent::All => return Ok(unfinished.input),
                Sent::Failed(reason) => return Err(Next::Close(reason)),
                Sent::Partly { taken } => {
                    let looked = unfinished.uptake.look(socket, sight, lent.now, lent.server);
                    session.due = looked.map_err(Next::Close)?;
                    unfinished.uptake.sent(taken);
                }
            }
        }
        if session.is_called()
            && (unfinished.unsent() < lent.hosted.terms.max_unsent_bytes || session.is_to_close())
        {
            return Err(self.call_blocked(session, unfinished, turn, lent, Live::deliver));
        }
        self.unfinished = Some(unfinished);
        self.deadline = session.deadline();
        Err(Next::Write)
    }

    /// Calls the protocol for something else than input, while output waits for the peer.
    fn call_blocked(
        &mut self,
        session: &mut Session,
        mut unfinished: Box<Unfinished>,
        turn: &mut Turn,
        lent: &Lent<'_>,
        work: impl FnOnce(&mut (dyn Live + 'static), Desk<'_>) -> Option<Step>,
    ) -> Next {
        let out = (&mut unfinished.output, unfinished.sent);
        let step = session.call(lent, out, &mut turn.tally, work);
        let has_kept = !unfinished.input.is_empty();
        match step.map_or(Ok(()), |step| session.follow_mail(step, has_kept)) {
            Err(Step::Abort(reason)) => return Next::Close(reason),
            Err(Step::Close(reason)) => unfinished.doing = Doing::Close { reason, linger: true },
            // Once the output is taken it is asked again.
            Err(_) => session.flow = Flow::Full,
            Ok(()) => {}
        }
        if unfinished.hold(lent.server).is_err() {
            return Next::Close(CloseReason::Overload);
        }
        self.unfinished = Some(unfinished);
        self.deadline = session.deadline();
        Next::Write
    }

    /// Has the protocol look once more at what it left.
    fn receive_again(
        &mut self,
        session: &mut Session,
        mut outcome: Outcome,
        turn: &mut Turn,
        lent: &Lent<'_>,
    ) -> Outcome {
        let mut input = Input::new(&outcome.kept);
        let step = session.call(lent, (&mut turn.out.bytes, 0), &mut turn.tally, |live, desk| {
            live.received(&mut input, desk)
        });
        let consumed = input.consumed();
        outcome.fresh |= consumed > 0 || session.flow != Flow::Part;
        outcome.consume(consumed);
        let full = turn.out.bytes.len() >= lent.hosted.terms.max_unsent_bytes;
        outcome.then = session.follow(step, outcome.kept.len(), full);
        outcome
    }

    /// One read, behind what was left.
    fn receive_behind(
        &mut self,
        session: &mut Session,
        mut outcome: Outcome,
        turn: &mut Turn,
        lent: &Lent<'_>,
    ) -> Result<Outcome, Next> {
        match read(&self.socket, &mut turn.input, &turn.tally.counters) {
            Read::Bytes(count) => {
                outcome.kept.extend_from_slice(&turn.input[..count]);
                Ok(self.receive_again(session, outcome, turn, lent))
            }
            Read::Empty => Ok(outcome),
            Read::Reset => Err(Next::Close(CloseReason::Reset)),
            Read::End => {
                session.flow = Flow::Ended;
                let out = (&mut turn.out.bytes, 0);
                let step = session.call(lent, out, &mut turn.tally, Live::ended);
                outcome.then = session.follow_mail(step, false);
                Ok(outcome)
            }
        }
    }

    /// The peer sends no more, between two messages.
    #[cold]
    #[inline(never)]
    pub(super) fn end_of_input(&mut self, turn: &mut Turn, server: &Shared, hosted: &Hosted) -> Next {
        let Some(mut session) = self.session.take() else { return Next::Close(CloseReason::Internal) };
        let lent = Lent { hosted, server, now: turn.now.tick, address: self.peer, may_wait: false };
        session.flow = Flow::Ended;
        let step = session.call(&lent, (&mut turn.out.bytes, 0), &mut turn.tally, Live::ended);
        let then = session.follow_mail(step, false);
        let next = self.conclude_session(&mut session, Outcome::default().then(then), turn, &lent);
        self.session = Some(session);
        next
    }

    /// A deadline of a protocol's has come: of its own, or of its terms.
    #[cold]
    pub(in super::super) fn session_expired(
        &mut self,
        turn: &mut Turn,
        server: &Shared,
        hosted: &Hosted,
    ) -> Next {
        let Some(mut session) = self.session.take() else { return Next::Close(CloseReason::Internal) };
        let lent = Lent { hosted, server, now: turn.now.tick, address: self.peer, may_wait: false };
        let next = self.look_late(&mut session, turn, &lent);
        let next = next.unwrap_or_else(|| self.out_of_time(&mut session, turn, &lent));
        self.session = Some(session);
        next
    }

    /// Where its peer was to send something it is read from once more, as with HTTP: what it sent in time may be in the socket.
    fn look_late(&mut self, session: &mut Session, turn: &mut Turn, lent: &Lent<'_>) -> Option<Next> {
        let has_output = self.unfinished.as_ref().is_some_and(|unfinished| unfinished.has_output());
        if has_output || session.due > lent.now || !matches!(session.flow, Flow::Reading | Flow::Part) {
            return None;
        }
        let due = session.due;
        let next = match self.take_up(session, Cause::Event, turn, lent) {
            Ok(outcome) => self.conclude_session(session, outcome, turn, lent),
            Err(next) => turn.without_output(next),
        };
        (!matches!(next, Next::Read) || session.due != due).then_some(next)
    }

    fn out_of_time(&mut self, session: &mut Session, turn: &mut Turn, lent: &Lent<'_>) -> Next {
        let has_output = self.unfinished.as_ref().is_some_and(|unfinished| unfinished.has_output());
        if session.due <= lent.now {
            if !has_output {
                let part = session.flow == Flow::Part;
                let reason = if part { CloseReason::MessageTimeout } else { CloseReason::IdleTimeout };
                return Next::Close(reason);
            }
            if let Some(unfinished) = &mut self.unfinished {
                match unfinished.look(self.socket.as_fd(), lent.now, lent.server) {
                    Ok(due) => session.due = due,
                    Err(reason) => return Next::Close(reason),
                }
            }
        }
        if session.own_due.is_none_or(|due| due > lent.now) {
            // The peer is slow, and not more.
            self.deadline = session.deadline();
            return Next::Write;
        }
        session.own_due = None;
        let mut outcome = Outcome::default();
        if let Some(unfinished) = self.unfinished.take() {
            if has_output {
                let work = |live: &mut (dyn Live + 'static), desk: Desk<'_>| Some(live.expired(desk));
                return self.call_blocked(session, unfinished, turn, lent, work);
            }
            outcome.kept = unfinished.input;
        }
        let was = session.flow;
        let step = session.call(lent, (&mut turn.out.bytes, 0), &mut turn.tally, Live::expired);
        outcome.then = session.follow_mail(step, !outcome.kept.is_empty());
        outcome.fresh = was != session.flow;
        outcome.unread = was == Flow::Paused;
        self.conclude_session(session, outcome, turn, lent)
    }
}

impl Session {
    /// Not to be served as usual.
    #[inline]
    pub(super) fn is_new_or_called(&self) -> bool {
        self.live.as_ref().is_none_or(|live| live.is_called())
    }

    /// Opens a connection, one of another process with what is packed. `Err`: what comes of it at once.
    pub(super) fn open(
        &mut self,
        packed: Option<&[u8]>,
        lent: &Lent<'_>,
        turn: &mut Turn,
    ) -> Result<(), Step> {
        let Self { live, place, own_due, .. } = self;
        let mut messages = 0;
        let out = (&mut turn.out.bytes, 0);
        turn.tally.enter();
        let opened = caught(|| lent.hosted.open(packed, lent.desk(out, &mut messages, place, own_due)));
        turn.tally.leave();
        turn.tally.counters.requests.add(messages);
        match opened {
            Ok(Ok(opened)) => *live = Some(opened),
            Ok(Err(reason)) => return Err(Step::Close(reason)),
            Err(message) => return Err(super::panicked(&message)),
        }
        Ok(())
    }

    /// Takes up what the protocol has said to its input, of which it left so many bytes. `Err`: it closes, or goes to a service
    /// thread.
    pub(super) fn follow(&mut self, step: Step, left: usize, full: bool) -> Result<(), Step> {
        self.flow = match step {
            Step::Continue if left == 0 => Flow::Reading,
            Step::Continue if full => Flow::Full,
            Step::Continue => Flow::Part,
            Step::Pause => Flow::Paused,
            step => return Err(step),
        };
        Ok(())
    }

    /// The same of what it has said to something else.
    pub(super) fn follow_mail(&mut self, step: Step, has_kept: bool) -> Result<(), Step> {
        match (step, self.flow) {
            (Step::Continue | Step::Pause, Flow::Ended) => {}
            (Step::Continue, Flow::Paused) => self.flow = if has_kept { Flow::Full } else { Flow::Reading },
            (Step::Continue, _) => {}
            (Step::Pause, _) => self.flow = Flow::Paused,
            (step, _) => return Err(step),
        }
        Ok(())
    }
}

impl Turn {
    /// What was written for a peer that is gone must not be sent to the next.
    fn without_output(&mut self, next: Next) -> Next {
        self.out.reset();
        next
    }
}

impl Unfinished {
    fn unsent(&self) -> usize {
        self.output.len() - self.sent
    }
}
