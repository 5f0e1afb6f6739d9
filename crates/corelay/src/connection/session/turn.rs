//! The hot path of a protocol: one connection that can be read, from bytes to bytes.

use super::super::input::{Read, read};
use super::super::output::send_answers;
use super::super::{CloseReason, Connection, Next, Turn};
use super::{Cause, Flow, Lent};
use crate::protocol::{Hosted, Input, Step};
use crate::shared::Shared;
use std::os::fd::AsFd;

impl Connection {
    /// Looks at a connection whose socket may be ready: HTTP's, or a protocol's.
    #[inline(always)]
    pub(crate) fn look(&mut self, turn: &mut Turn, server: &Shared) -> Next {
        match &server.hosted {
            None => self.serve(turn, server),
            Some(hosted) => self.serve_session(turn, server, hosted),
        }
    }

    /// Reads once, has the protocol answer all of it, sends once.
    ///
    /// As in HTTP's [`serve`](Connection::serve) no return crosses a system call; whatever is not the usual is out of line.
    #[inline(always)]
    fn serve_session(&mut self, turn: &mut Turn, server: &Shared, hosted: &Hosted) -> Next {
        debug_assert!(turn.out.bytes.is_empty(), "output of the connection before");
        let Some(session) = &mut self.session else { return Next::Close(CloseReason::Internal) };
        if self.unfinished.is_some() || session.flow != Flow::Reading || session.is_new_or_called() {
            return self.resume_session(Cause::Event, turn, server, hosted);
        }
        let filled = match read(&self.socket, &mut turn.input, &turn.tally.counters) {
            Read::Bytes(filled) => filled,
            Read::Empty if !server.is_draining() => return Next::Read,
            Read::Empty => return self.settle_session((Step::Continue, Vec::new()), turn, server, hosted),
            Read::End => return self.end_of_input(turn, server, hosted),
            Read::Reset => return Next::Close(CloseReason::Reset),
        };
        let mut input = Input::new(&turn.input[..filled]);
        let lent = Lent { hosted, server, now: turn.now.tick, address: self.peer, may_wait: false };
        let step = session.call(&lent, (&mut turn.out.bytes, 0), &mut turn.tally, |live, desk| {
            live.received(&mut input, desk)
        });
        let consumed = input.consumed();
        if step == Step::Continue && consumed == filled && !server.is_draining() {
            // What nearly every turn ends with: everything answered, and everything taken.
            let sent = send_answers(self.socket.as_fd(), &turn.out.bytes, false, &turn.tally);
            if sent == turn.out.bytes.len() {
                turn.out.reset();
                session.due = turn.now.tick.after(server.ticks.idle);
                self.deadline = session.deadline();
                return Next::Read;
            }
            turn.out.bytes.drain(..sent);
        }
        let kept = turn.input[consumed..filled].to_vec();
        self.settle_session((step, kept), turn, server, hosted)
    }
}
