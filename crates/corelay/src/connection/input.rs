//! Input: one `recv` into the serving thread's buffer, behind whatever the connection kept from before.

use super::output::{Sent, after_sending, send};
use super::{CloseReason, Connection, Doing, Next, Turn, Unfinished};
use crate::buffers::Room;
use crate::clock::Tick;
use crate::shared::Shared;
use crate::status::Counters;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use std::os::fd::{AsFd, OwnedFd};

/// Input to be parsed, at the start of the turn's buffer.
pub(super) struct Received {
    pub(super) filled: usize,
    /// If the input is the rest of a head: until when the head must be complete.
    pub(super) head_due: Option<Tick>,
}

/// What one read of a socket brought.
pub(super) enum Read {
    Bytes(usize),
    /// The peer has shut its side.
    End,
    /// Nothing there yet.
    Empty,
    Reset,
}

impl Connection {
    /// Brings input, or says what to do instead. One `recv`.
    #[inline(always)]
    pub(super) fn receive(&mut self, turn: &mut Turn, server: &Shared) -> Result<Received, Next> {
        if self.unfinished.is_some() {
            return self.resume(turn, server);
        }
        match read(&self.socket, &mut turn.input, &turn.tally.counters) {
            Read::Bytes(filled) => Ok(Received { filled, head_due: None }),
            Read::End => Err(Next::Close(CloseReason::PeerClosed)),
            Read::Empty if server.is_draining() => Err(Next::Close(CloseReason::Drain)),
            Read::Empty => Err(Next::Read),
            Read::Reset => Err(Next::Close(CloseReason::Reset)),
        }
    }

    /// Goes on where the connection was left: first with its output, then with what it was doing.
    #[cold]
    #[inline(never)]
    pub(super) fn resume(&mut self, turn: &mut Turn, server: &Shared) -> Result<Received, Next> {
        let Some(mut unfinished) = self.unfinished.take() else { return self.receive(turn, server) };
        if unfinished.has_output() {
            let sight = unfinished.uptake.sight(self.socket.as_fd(), server);
            let is_stream = unfinished.tail.is_stream();
            let Unfinished { output, sent, tail, .. } = &mut *unfinished;
            match send(self.socket.as_fd(), output, sent, tail, &mut turn.tally) {
                Sent::All => {}
                Sent::Partly { taken } => {
                    let socket = self.socket.as_fd();
                    let looked = unfinished.uptake.look(socket, sight, turn.now.tick, server);
                    if let Err(reason) = looked {
                        super::output::drop_in_user_code(unfinished, &mut turn.tally);
                        return Err(self.abandon(reason));
                    }
                    unfinished.uptake.sent(taken);
                    let after = after_sending(is_stream, turn.now, server);
                    self.deadline = unfinished.uptake.excuse(after, server);
                    if unfinished.hold(server).is_err() {
                        return Err(self.cut_off(unfinished, turn));
                    }
                    self.unfinished = Some(unfinished);
                    return Err(Next::Write);
                }
                Sent::Failed(reason) => {
                    super::output::drop_in_user_code(unfinished, &mut turn.tally);
                    return Err(self.abandon(reason));
                }
            }
            (unfinished.output, unfinished.tail_room) = (Vec::new(), Room::default());
            if !matches!(unfinished.doing, Doing::Idle | Doing::Again) {
                let doing = std::mem::take(&mut unfinished.doing);
                return Err(self.go_on(unfinished, doing, None, turn, server));
            }
        }
        match std::mem::take(&mut unfinished.doing) {
            Doing::Idle | Doing::Again if unfinished.input.is_empty() => {
                self.deadline = turn.now.tick.after(server.ticks.idle);
                self.receive(turn, server)
            }
            Doing::Idle | Doing::Again => {
                let filled = unfinished.input.len();
                turn.input[..filled].copy_from_slice(&unfinished.input);
                Ok(Received { filled, head_due: None })
            }
            Doing::Introduction { from } => match self.introduce(unfinished, from, turn, server)? {
                0 => self.receive(turn, server),
                filled => Ok(Received { filled, head_due: None }),
            },
            Doing::Head => self.receive_more(unfinished, turn),
            Doing::Gather(gather) => self.receive_body(gather, &unfinished.input, turn, server),
            Doing::Discard(discard) => self.receive_unwanted(discard, &unfinished.input, turn, server),
            Doing::Linger { reason, until } => Err(self.receive_last(reason, until, turn, server)),
            doing @ (Doing::Service(_) | Doing::Close { .. }) => {
                Err(self.go_on(unfinished, doing, None, turn, server))
            }
        }
    }

    /// The next part of a head, behind the parts that are here.
    fn receive_more(&mut self, mut unfinished: Box<Unfinished>, turn: &mut Turn) -> Result<Received, Next> {
        let kept = unfinished.input.len();
        turn.input[..kept].copy_from_slice(&unfinished.input);
        match self.read_on(&mut turn.input[kept..], &turn.tally.counters) {
            Ok(more) => {
                turn.heads.go_on_with(std::mem::take(&mut unfinished.parser));
                Ok(Received { filled: kept + more, head_due: Some(self.deadline) })
            }
            Err(Next::Read) => {
                unfinished.doing = Doing::Head;
                self.unfinished = Some(unfinished);
                Err(Next::Read)
            }
            Err(end) => Err(end),
        }
    }

    /// One read in the middle of a request. `Err(Next::Read)`: nothing is there yet.
    pub(super) fn read_on(&self, buffer: &mut [u8], counters: &Counters) -> Result<usize, Next> {
        match read(&self.socket, buffer, counters) {
            Read::Bytes(count) => Ok(count),
            Read::Empty => Err(Next::Read),
            Read::End => Err(Next::Close(CloseReason::PeerClosedEarly)),
            Read::Reset => Err(Next::Close(CloseReason::Reset)),
        }
    }

    /// Input behind the last answer: dropped.
    fn receive_last(&mut self, reason: CloseReason, until: Tick, turn: &mut Turn, server: &Shared) -> Next {
        match read(&self.socket, &mut turn.input, &turn.tally.counters) {
            Read::End | Read::Reset => return Next::Close(reason),
            Read::Bytes(_) => self.deadline = turn.now.tick.after(server.ticks.linger).min(until),
            Read::Empty => {}
        }
        self.unfinished =
            Some(Box::new(Unfinished { doing: Doing::Linger { reason, until }, ..Unfinished::default() }));
        Next::Read
    }
}

impl Unfinished {
    pub(super) fn has_output(&self) -> bool {
        self.sent < self.output.len() || !matches!(self.tail, super::Tail::None)
    }
}

/// One `recv`. The socket is non-blocking.
#[inline(always)]
pub(super) fn read(socket: &OwnedFd, buffer: &mut [u8], counters: &Counters) -> Read {
    match rustix::net::recv(socket, buffer, RecvFlags::empty()) {
        Ok((0, _)) => Read::End,
        Ok((count, _)) => {
            counters.received_bytes.add(count as u64);
            Read::Bytes(count)
        }
        Err(Errno::AGAIN | Errno::INTR) => Read::Empty,
        Err(_) => Read::Reset,
    }
}
