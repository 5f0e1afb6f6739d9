//! The end of a turn: what was answered is sent, what is unfinished is kept, and what to wait for is decided.

use super::input::{Read, Received, read};
use super::output::{Sent, after_sending, send, send_answers};
use super::uptake::Uptake;
use super::{CloseReason, Connection, Doing, Next, Tail, Turn, Unfinished};
use crate::clock::Tick;
use crate::shared::Shared;
use rustix::net::Shutdown;
use std::ops::Range;
use std::os::fd::AsFd;

/// Why a turn ended, and with what left to do.
pub(super) struct Pause {
    pub(super) tail: Tail,
    pub(super) doing: Doing,
    /// In a head that was begun in an earlier turn: its deadline stands.
    head_due: Option<Tick>,
}

impl Pause {
    pub(super) fn of(tail: Tail, doing: Doing) -> Box<Self> {
        Box::new(Self { tail, doing, head_due: None })
    }

    pub(super) fn to(doing: Doing) -> Box<Self> {
        Self::of(Tail::None, doing)
    }

    /// What is left is part of a head. One that was there when the turn began keeps its deadline.
    pub(super) fn in_head(received: &Received, answered: usize) -> Box<Self> {
        let head_due = received.head_due.filter(|_| answered == 0);
        Box::new(Self { tail: Tail::None, doing: Doing::Head, head_due })
    }

    pub(super) fn closing(reason: CloseReason, linger: bool) -> Box<Self> {
        Self::to(Doing::Close { reason, linger })
    }

    /// All that is left is to close, and nobody has to be waited for.
    #[inline(always)]
    fn closes(&self) -> Option<CloseReason> {
        match (&self.tail, &self.doing) {
            (Tail::None, Doing::Close { reason, linger: false }) => Some(*reason),
            _ => None,
        }
    }
}

impl Connection {
    /// Sends what the turn has encoded and decides what comes next. `None`: all requests that were whole, or as many
    /// as one turn may answer, are answered. `leftover` is the part of the input that was not consumed.
    #[inline(always)]
    pub(super) fn settle(
        &mut self,
        pause: Option<Box<Pause>>,
        leftover: Range<usize>,
        turn: &mut Turn,
        server: &Shared,
    ) -> Next {
        let closes = pause.as_ref().and_then(|pause| pause.closes());
        if (pause.is_none() || closes.is_some()) && leftover.is_empty() && !server.is_draining() {
            // What nearly every turn ends with: everything answered, and everything taken.
            let last = closes.is_some() && !server.config.sockets.abortive_close;
            let sent = send_answers(self.socket.as_fd(), &turn.out.bytes, last, &turn.tally);
            if sent == turn.out.bytes.len() {
                turn.out.reset();
                self.deadline = turn.now.tick.after(server.ticks.idle);
                return closes.map_or(Next::Read, |reason| self.part(reason, turn, server));
            }
            turn.out.bytes.drain(..sent);
        }
        let pause = pause.unwrap_or_else(|| Pause::to(Doing::Again));
        self.settle_rest(*pause, leftover, turn, server)
    }

    #[cold]
    #[inline(never)]
    fn settle_rest(
        &mut self,
        pause: Pause,
        leftover: Range<usize>,
        turn: &mut Turn,
        server: &Shared,
    ) -> Next {
        let Pause { mut tail, doing, head_due } = pause;
        let (mut at, tail_bytes, is_stream) = (0, tail.own_bytes(), tail.is_stream());
        let sent = if turn.out.bytes.is_empty() && matches!(tail, Tail::None) {
            Sent::All
        } else {
            send(self.socket.as_fd(), &mut turn.out.bytes, &mut at, &mut tail, &mut turn.tally)
        };
        match (sent, doing) {
            (Sent::All, doing) => {
                turn.out.reset();
                let mut unfinished = Box::<Unfinished>::default();
                unfinished.keep(leftover, &doing, turn);
                self.go_on(unfinished, doing, head_due, turn, server)
            }
            (Sent::Partly { .. }, doing) => {
                let mut unfinished = Box::<Unfinished>::default();
                unfinished.keep(leftover, &doing, turn);
                unfinished.output = turn.out.take_unsent(&mut at);
                let now = after_sending(is_stream, turn.now, server);
                unfinished.uptake = Uptake::begin(self.socket.as_fd(), now, server.ticks.write);
                let room = tail.room(tail_bytes, server);
                (unfinished.sent, unfinished.tail, unfinished.doing) = (at, tail, doing);
                match room {
                    Ok(room) if unfinished.hold(server).is_ok() => unfinished.tail_room = room,
                    _ => return self.cut_off(unfinished, turn),
                }
                self.deadline = now.after(server.ticks.write);
                self.unfinished = Some(unfinished);
                Next::Write
            }
            (Sent::Failed(reason), doing) => {
                turn.out.reset();
                super::output::drop_in_user_code((tail, doing), &mut turn.tally);
                self.abandon(reason)
            }
        }
    }

    /// Goes on with `doing`, all output being sent.
    pub(super) fn go_on(
        &mut self,
        mut unfinished: Box<Unfinished>,
        doing: Doing,
        head_due: Option<Tick>,
        turn: &mut Turn,
        server: &Shared,
    ) -> Next {
        let now = turn.now.tick;
        let next = match &doing {
            Doing::Idle | Doing::Again if unfinished.input.is_empty() => {
                self.deadline = now.after(server.ticks.idle);
                return if server.is_draining() { Next::Close(CloseReason::Drain) } else { Next::Read };
            }
            Doing::Idle | Doing::Again => {
                self.deadline = now.after(server.ticks.idle);
                Next::Again
            }
            // Its deadline stands.
            Doing::Introduction { .. } => Next::Read,
            Doing::Head => {
                self.deadline = head_due.unwrap_or(now.after(server.ticks.head));
                Next::Read
            }
            Doing::Gather(_) | Doing::Discard(_) => {
                self.deadline = now.after(server.ticks.body);
                Next::Read
            }
            Doing::Service(_) => {
                let Doing::Service(job) = doing else { return Next::Close(CloseReason::Internal) };
                self.unfinished = (!unfinished.input.is_empty()).then_some(unfinished);
                return Next::Service(job);
            }
            Doing::Close { reason, linger: false } if unfinished.input.is_empty() => {
                return self.part(*reason, turn, server);
            }
            Doing::Close { reason, .. } => return self.linger(*reason, turn, server),
            Doing::Linger { .. } => Next::Read,
        };
        unfinished.doing = doing;
        if unfinished.hold(server).is_err() {
            return self.refuse_input(&unfinished, turn, server);
        }
        self.unfinished = Some(unfinished);
        next
    }

    /// The answer is sent, is small, and its peer has said that it would send nothing more. Closes, unless it has all the same: with
    /// input unread the kernel would reset the connection, and drop of the answer what waits for the end of the stream to go
    /// with it ([`send_last`](corelay_poll::socket::send_last)). So the end goes first, and then there is one look.
    #[inline(always)]
    fn part(&mut self, reason: CloseReason, turn: &mut Turn, server: &Shared) -> Next {
        if server.config.sockets.abortive_close
            || rustix::net::shutdown(&self.socket, Shutdown::Write).is_err()
        {
            return Next::Close(reason);
        }
        match read(&self.socket, &mut turn.input, &turn.tally.counters) {
            Read::Empty | Read::End | Read::Reset => Next::Close(reason),
            Read::Bytes(_) => self.read_on_for_a_while(reason, turn, server),
        }
    }

    /// The answer is sent: shuts our side, so that the peer sees its end, and reads on until the peer is done. Closing
    /// at once would reset the connection if more input is on its way, and the reset may overtake the answer
    /// (RFC 9112 section 9.6).
    fn linger(&mut self, reason: CloseReason, turn: &Turn, server: &Shared) -> Next {
        if rustix::net::shutdown(&self.socket, Shutdown::Write).is_err() {
            return Next::Close(reason);
        }
        self.read_on_for_a_while(reason, turn, server)
    }

    #[cold]
    #[inline(never)]
    fn read_on_for_a_while(&mut self, reason: CloseReason, turn: &Turn, server: &Shared) -> Next {
        let until = turn.now.tick.after(server.ticks.linger_in_all);
        self.deadline = turn.now.tick.after(server.ticks.linger);
        self.keep_doing(Doing::Linger { reason, until });
        Next::Read
    }

    /// Ends a connection whose answer broke off. Where nothing but the end of the connection would mark the end of the
    /// body, a reset says that this is not it.
    pub(super) fn abandon(&mut self, reason: CloseReason) -> Next {
        if matches!(reason, CloseReason::AnswerBroken | CloseReason::Overload) {
            let _ = rustix::net::sockopt::set_socket_linger(&self.socket, Some(std::time::Duration::ZERO));
        }
        Next::Close(reason)
    }
}

impl Unfinished {
    /// Takes over the input that is left, and in a head the progress through it.
    fn keep(&mut self, leftover: Range<usize>, doing: &Doing, turn: &mut Turn) {
        if matches!(doing, Doing::Head) {
            self.parser = turn.heads.take_unfinished();
        }
        self.input.extend_from_slice(&turn.input[leftover]);
    }
}
