//! A connection on a service thread: what its core could not do without waiting.
//!
//! The connection comes by value, with a [`Job`]; it is the only thing this thread touches. When the answer is out, the
//! connection goes home with what is to be done next, or its end is reported.

use super::discard::{Discard, Discarded};
use super::output::{ChunkStream, Filled, Outgoing, drop_in_user_code, end_framed};
use super::settle::Pause;
use super::uptake::Uptake;
use super::wire::{Incoming, IncomingBody, OutgoingBody, Tunnel, send_all};
use super::{CloseReason, Connection, Doing, Tail, Unfinished};
use crate::http::panics::caught;
use crate::http::{BodyWriter, Params, Request, RequestBody, Response, Upgraded};
use crate::shared::Shared;
use crate::tally::Tally;
use bytes::Bytes;
use corelay_http::{BodyDecoder, Persistence, RequestHead, ResponseFraming};
use corelay_poll::Interest;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, TryLockError};

/// What a service thread is to do for a connection.
pub(crate) enum Job {
    /// Call the handler of the request with this head.
    Call { request: Vec<u8>, body: CallBody },
    /// Let a handler's closure write the body of its answer.
    Write { write: BodyWriter, framing: ResponseFraming, persistence: Persistence, unread: Option<Discard> },
    /// Have its protocol, which is not HTTP, take the input that it left.
    Session,
    /// Give the connection to a closure for good.
    Upgrade { run: Box<dyn FnOnce(Upgraded) + Send> },
}

/// The body of a request that a service thread is to answer.
pub(crate) enum CallBody {
    Whole(Bytes),
    /// Still coming; this much is here.
    Stream(Vec<u8>),
    /// More than is read for an answer that does not want it: where it ends is not known.
    Lost,
}

impl Job {
    /// Whether nothing of an answer has been sent yet, so that another one can be.
    pub(crate) fn may_be_shed(&self) -> bool {
        matches!(self, Self::Call { .. })
    }

    /// Notes that the request's body was not read to its end.
    pub(super) fn then_discard(&mut self, discard: Discard) {
        if let Self::Write { unread, .. } = self {
            *unread = Some(discard);
        }
    }

    /// Does it. `Err`: the connection is closed.
    pub(crate) fn run(
        self,
        connection: Connection,
        server: &Arc<Shared>,
        tally: &mut Tally,
    ) -> Result<Connection, CloseReason> {
        if matches!(self, Self::Session) {
            return connection.receive_apart(server, tally);
        }
        let Connection { socket, peer, unfinished, deadline, .. } = connection;
        let leftover = unfinished.map(|unfinished| unfinished.input).unwrap_or_default();
        let now = server.epoch.moment(server.clock.now());
        let out = Outgoing::new(&*server.clock, now, server.config.access_log);
        let (socket, uptake) = (Arc::new(socket), None);
        let mut exchange = Exchange { socket, peer, leftover, out, uptake, tally, server };
        let doing = exchange.run(self)?;
        let Exchange { socket, leftover, .. } = exchange;
        // Whoever still holds the socket took a body with it and reads it at this moment.
        let socket = Arc::try_unwrap(socket).map_err(|held| hang_up(&held))?;
        let unfinished = Unfinished { input: leftover, doing, ..Unfinished::default() };
        let unfinished = Some(Box::new(unfinished.held_anyway(server)));
        Ok(Connection { unfinished, registered: Interest::NONE, ..Connection::new(socket, peer, deadline) })
    }
}

/// One request on a service thread.
struct Exchange<'a> {
    socket: Arc<OwnedFd>,
    peer: Option<SocketAddr>,
    leftover: Vec<u8>,
    out: Outgoing,
    /// How its peer takes the answer, if that had to wait.
    uptake: Option<Uptake>,
    tally: &'a mut Tally,
    server: &'a Arc<Shared>,
}

impl Exchange<'_> {
    fn run(&mut self, job: Job) -> Result<Doing, CloseReason> {
        match job {
            Job::Call { request, body } => self.call(&request, body),
            Job::Write { write, framing, persistence, unread } => {
                let doing = self.write(write, framing, persistence)?;
                Ok(match (doing, unread) {
                    (Doing::Again, Some(discard)) => Doing::Discard(discard),
                    (doing, _) => doing,
                })
            }
            Job::Upgrade { run } => self.upgrade(run),
            // Not HTTP's, and not run here.
            Job::Session => Err(CloseReason::Internal),
        }
    }

    fn call(&mut self, request: &[u8], body: CallBody) -> Result<Doing, CloseReason> {
        let mut parser = RequestHead::new();
        parser.parse(request, &self.server.http_limits).map_err(|_| CloseReason::Internal)?;
        let head = parser.view(request);
        let mut params = Params::none();
        let endpoint = self.server.app.route(&head, &mut params);
        let lost = matches!(body, CallBody::Lost);
        let (incoming, whole) = match body {
            CallBody::Whole(bytes) => (None, bytes),
            CallBody::Lost => (None, Bytes::new()),
            CallBody::Stream(early) => (Some(self.incoming(&head, early)), Bytes::new()),
        };
        let body = match &incoming {
            Some(incoming) => RequestBody::Stream(incoming.to_body(head.framing())),
            None if whole.is_empty() => RequestBody::Empty,
            None => RequestBody::Gathered(&whole),
        };
        if endpoint.habit().burns() && endpoint.habit().is_learnt() {
            self.tally.yield_to_others();
        }
        let mut request = Request::new(head, (endpoint, &params), body, &self.server.app, &self.peer);
        let mut response = Response::empty();
        self.tally.call(endpoint, &mut request, &mut response);
        if let Some(spent) = self.tally.last_handler()
            && endpoint.habit().ran(spent)
        {
            tracing::info!(route = endpoint.pattern(), "unlearnt: it is quick, and goes back to the cores");
        }
        if let Some(incoming) = &incoming {
            incoming.ask_if_held();
        }
        let persistence = match &incoming {
            Some(incoming) if self.is_lost(incoming) => Persistence::Close,
            None if lost => Persistence::Close,
            _ => self.server.persistence(&head),
        };
        let answer = self.out.answer(request, persistence, response, self.tally);
        if let (Some(incoming), Err(pause)) = (&incoming, &answer)
            && matches!(&pause.doing, Doing::Service(job) if matches!(**job, Job::Upgrade { .. }))
        {
            self.leftover = self.early_bytes(incoming)?;
        }
        let doing = self.finish(answer)?;
        match (incoming, doing) {
            (Some(incoming), doing) => self.after_body(&incoming, doing),
            (None, Doing::Close { reason, .. }) if lost => Ok(Doing::Close { reason, linger: true }),
            (None, doing) => Ok(doing),
        }
    }

    fn incoming(&self, head: &corelay_http::Head<'_>, early: Vec<u8>) -> IncomingBody {
        let expects = head.expects_continue() && early.is_empty();
        let decoder = BodyDecoder::new(head.framing());
        let incoming = Incoming::new(self.socket.clone(), self.server.clone(), decoder, early, expects);
        IncomingBody(Arc::new(Mutex::new(Some(incoming))))
    }

    /// Whether the connection cannot be used after the answer, because of what is left of the body. While user code
    /// still holds the body (an answer that is written as the body is read) it may yet read it.
    fn is_lost(&self, body: &IncomingBody) -> bool {
        if Arc::strong_count(&body.0) > 1 {
            return false;
        }
        let Ok(incoming) = body.0.try_lock() else { return true };
        incoming.as_ref().is_none_or(|incoming| {
            incoming.failed.is_some()
                || incoming.expects_continue
                || incoming.decoder.remaining_hint() > self.server.config.limits.max_unread_body_bytes
        })
    }

    /// What was received behind a body, and so is the first of the new protocol. Its request ends before that begins (RFC
    /// 9110 section 7.8): what the handler has left of the body is read first.
    fn early_bytes(&mut self, body: &IncomingBody) -> Result<Vec<u8>, CloseReason> {
        let Ok(mut incoming) = body.0.try_lock() else { return Err(hang_up(&self.socket)) };
        let Some(mut incoming) = incoming.take() else { return Err(CloseReason::Internal) };
        let rest = incoming.read_to_end();
        self.tally.counters.received_bytes.add(incoming.received_bytes);
        rest.map(|()| incoming.into_leftover())
    }

    /// Takes the body away from user code, and with it what was received behind it.
    fn after_body(&mut self, body: &IncomingBody, doing: Doing) -> Result<Doing, CloseReason> {
        let taken = match body.0.try_lock() {
            Ok(mut incoming) => incoming.take(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().take(),
            Err(TryLockError::WouldBlock) => return Err(hang_up(&self.socket)),
        };
        let Some(incoming) = taken else { return Err(CloseReason::Internal) };
        self.tally.counters.received_bytes.add(incoming.received_bytes);
        let failed = incoming.failed;
        let unasked = incoming.expects_continue;
        let decoder = incoming.decoder.clone();
        self.leftover = incoming.into_leftover();
        if let Some(reason) = failed {
            return Ok(Doing::Close { reason, linger: true });
        }
        if decoder.is_complete() {
            return Ok(doing);
        }
        if let Doing::Close { reason, .. } = doing {
            return Ok(Doing::Close { reason, linger: true });
        }
        if unasked {
            return Ok(Doing::Close { reason: CloseReason::BodyUnread, linger: true });
        }
        let now = self.server.epoch.moment(self.server.clock.now());
        let mut discard = Discard::new(decoder, now, self.server);
        let (consumed, state) = discard.take_in(&self.leftover, &self.server.http_limits);
        self.leftover.drain(..consumed);
        Ok(match state {
            Discarded::Complete => doing,
            Discarded::More => Doing::Discard(discard),
            Discarded::Refused(_) => Doing::Close { reason: CloseReason::Malformed, linger: true },
            Discarded::TooMuch => Doing::Close { reason: CloseReason::BodyUnread, linger: true },
        })
    }

    /// Sends what is encoded, and what follows it.
    fn finish(&mut self, answer: Result<(), Box<Pause>>) -> Result<Doing, CloseReason> {
        let (tail, doing) = match answer {
            Ok(()) => (Tail::None, Doing::Again),
            Err(pause) => (pause.tail, pause.doing),
        };
        let Ok(_room) = tail.room(tail.own_bytes(), self.server) else {
            drop_in_user_code((tail, doing), self.tally);
            return Err(CloseReason::Overload);
        };
        self.send()?;
        match tail {
            Tail::None => {}
            Tail::Bytes(bytes) => {
                self.tally.counters.sent_bytes.add(bytes.len() as u64);
                let sent = send_all(&self.socket, &bytes, &mut self.uptake, self.server);
                drop_in_user_code(bytes, self.tally);
                sent?;
            }
            Tail::Chunks(stream) => self.send_stream(stream)?,
        }
        match doing {
            Doing::Service(job) => self.run(*job),
            doing => Ok(doing),
        }
    }

    fn send(&mut self) -> Result<(), CloseReason> {
        self.tally.counters.sent_bytes.add(self.out.bytes.len() as u64);
        let sent = send_all(&self.socket, &self.out.bytes, &mut self.uptake, self.server);
        self.out.bytes.clear();
        sent
    }

    fn send_stream(&mut self, mut stream: Box<ChunkStream>) -> Result<(), CloseReason> {
        loop {
            let filled = stream.fill(&mut self.out.bytes, self.tally);
            let sent = self.send();
            match (filled, sent) {
                (Filled::More, Ok(())) => {}
                (filled, sent) => {
                    drop_in_user_code(stream, self.tally);
                    sent?;
                    return if matches!(filled, Filled::Broken) { Err(self.break_off()) } else { Ok(()) };
                }
            }
        }
    }

    fn write(
        &mut self,
        write: BodyWriter,
        framing: ResponseFraming,
        persistence: Persistence,
    ) -> Result<Doing, CloseReason> {
        let bytes = std::mem::take(&mut self.out.bytes);
        let (socket, uptake, server) = (&self.socket, &mut self.uptake, &**self.server);
        let mut body = OutgoingBody { socket, framing, bytes, uptake, server, sent_bytes: 0, failed: None };
        self.tally.enter();
        let written = caught(|| write(&mut body));
        self.tally.leave();
        let outcome = match (written, body.failed) {
            (_, Some(reason)) => Err(reason),
            (Ok(Ok(())), None) => match end_framed(body.framing, &mut body.bytes) {
                Filled::Broken => Err(CloseReason::AnswerBroken),
                Filled::More | Filled::Ended => body.send(),
            },
            (Ok(Err(error)), None) => {
                tracing::warn!(%error, "a streamed answer failed");
                Err(CloseReason::AnswerBroken)
            }
            (Err(message), None) => {
                self.tally.panicked();
                tracing::error!(panic = message, "the writer of a streamed answer panicked");
                Err(CloseReason::AnswerBroken)
            }
        };
        self.tally.counters.sent_bytes.add(body.sent_bytes);
        match outcome {
            Ok(()) if persistence == Persistence::KeepAlive => Ok(Doing::Again),
            Ok(()) => Ok(Doing::Close { reason: CloseReason::LastAnswer, linger: true }),
            Err(CloseReason::AnswerBroken) => Err(self.break_off()),
            Err(reason) => Err(reason),
        }
    }

    fn upgrade(&mut self, run: Box<dyn FnOnce(Upgraded) + Send>) -> Result<Doing, CloseReason> {
        let leftover = std::mem::take(&mut self.leftover);
        let upgraded = Upgraded::new(Box::new(Tunnel(self.socket.clone())), leftover);
        self.tally.enter();
        let ran = caught(|| run(upgraded));
        self.tally.leave();
        if let Err(message) = ran {
            self.tally.panicked();
            tracing::error!(panic = message, "the handler of an upgraded connection panicked");
        }
        Err(CloseReason::Upgraded)
    }

    /// The end of the connection must not look like the end of the answer: a reset says so.
    fn break_off(&self) -> CloseReason {
        let _ = rustix::net::sockopt::set_socket_linger(&*self.socket, Some(std::time::Duration::ZERO));
        CloseReason::AnswerBroken
    }
}

/// Ends the connection under whoever still uses it.
fn hang_up(socket: &OwnedFd) -> CloseReason {
    let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
    CloseReason::Internal
}
