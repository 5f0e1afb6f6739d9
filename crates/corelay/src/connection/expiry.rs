//! Deadlines that have come: who was to do what by then decides what the peer hears.

use super::settle::Pause;
use super::{CloseReason, Connection, Doing, Job, Next, Turn, introduction};
use crate::http::StatusCode;
use crate::shared::Shared;
use std::os::fd::AsFd;

impl Connection {
    /// To be called when the connection's deadline has passed.
    ///
    /// Where its peer was to send something it is read from once more: if it was the server that was late (stopped by a
    /// signal, starved, or a core behind a handler), what the peer sent in time is in the socket.
    pub(crate) fn expired(&mut self, turn: &mut Turn, server: &Shared) -> Next {
        if let Some(hosted) = &server.hosted
            && !self.is_ending()
            && !self.is_being_introduced()
        {
            return self.session_expired(turn, server, hosted);
        }
        if self.waits_for_input() {
            let due = self.deadline;
            let next = self.serve_late(turn, server);
            if !matches!(next, Next::Read) || self.deadline != due {
                return next;
            }
        }
        let Some(unfinished) = &mut self.unfinished else { return Next::Close(CloseReason::IdleTimeout) };
        if unfinished.has_output() {
            match unfinished.look(self.socket.as_fd(), turn.now.tick, server) {
                Ok(due) => self.deadline = due,
                Err(reason) => return Next::Close(reason),
            }
            return Next::Write;
        }
        match &unfinished.doing {
            Doing::Idle | Doing::Again => Next::Close(CloseReason::IdleTimeout),
            Doing::Introduction { from } => {
                introduction::say(*from, &"it was not complete within head_timeout", turn, server);
                Next::Close(CloseReason::ProxyHeader)
            }
            Doing::Head => self.time_out(CloseReason::HeadTimeout, true, turn, server),
            Doing::Gather(_) => self.time_out(CloseReason::BodyTimeout, true, turn, server),
            Doing::Discard(discard) => {
                let answer = discard.is_unanswered();
                self.time_out(CloseReason::BodyTimeout, answer, turn, server)
            }
            Doing::Linger { reason, .. } | Doing::Close { reason, .. } => Next::Close(*reason),
            Doing::Service(_) => Next::Close(CloseReason::Internal),
        }
    }

    /// Whether the next thing to happen is that its peer sends something that is wanted.
    fn waits_for_input(&self) -> bool {
        self.unfinished.as_ref().is_none_or(|unfinished| {
            !unfinished.has_output()
                && matches!(
                    unfinished.doing,
                    Doing::Introduction { .. } | Doing::Head | Doing::Gather(_) | Doing::Discard(_)
                )
        })
    }

    /// [`Connection::look`], apart from the hot path.
    #[cold]
    #[inline(never)]
    fn serve_late(&mut self, turn: &mut Turn, server: &Shared) -> Next {
        self.look(turn, server)
    }

    /// Closes for slowness; with a 408 unless the request was answered already (RFC 9110 section 15.5.9).
    pub(super) fn time_out(
        &mut self,
        reason: CloseReason,
        answer: bool,
        turn: &mut Turn,
        server: &Shared,
    ) -> Next {
        let unfinished = self.unfinished.take();
        if answer {
            let head_request = unfinished.is_some_and(|unfinished| unfinished.is_of_head_request());
            turn.tally.counters.requests.add(1);
            let reason = "the request did not arrive in time";
            turn.out.encode_refusal(StatusCode::REQUEST_TIMEOUT, reason, head_request);
        }
        self.settle(Some(Pause::closing(reason, true)), 0..0, turn, server)
    }

    /// Answers 503 for want of a service thread, and closes. Where the head of an answer is out already, only breaking off
    /// is left.
    pub(crate) fn turn_away(&mut self, job: Box<Job>, turn: &mut Turn, server: &Shared) -> Next {
        let begun = matches!(*job, Job::Write { .. } | Job::Upgrade { .. });
        let protocols = matches!(*job, Job::Session);
        let head_request = job.is_of_head_request();
        super::output::drop_in_user_code(job, &mut turn.tally);
        self.unfinished = None;
        if protocols {
            return Next::Close(CloseReason::Overload);
        }
        if begun {
            return self.abandon(CloseReason::AnswerBroken);
        }
        let pause = turn.out.refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "all service threads are busy",
            head_request,
            &turn.tally.counters,
        );
        self.settle(Some(pause), 0..0, turn, server)
    }
}
