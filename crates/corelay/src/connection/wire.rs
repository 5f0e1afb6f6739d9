//! A connection's socket under a service thread, which may wait: reads and writes that block until a deadline.
//!
//! The socket stays non-blocking (the core needs it so); waiting is `poll(2)` with what is left of the deadline.
//! `SO_RCVTIMEO` would do nothing here.

use super::CloseReason;
use super::body::Pace;
use super::output::append_framed;
use super::uptake::Uptake;
use crate::http::{Body, BodyError, BodySource, StatusCode};
use crate::shared::Shared;
use corelay_http::{BodyDecoder, CONTINUE, Framing, ResponseFraming};
use corelay_poll::{Interest, Waker};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How much is read from the socket at a time, and gathered before it is sent.
pub(crate) const BUFFER_BYTES: usize = 64 * 1024;

/// Waits until `socket` is ready; `None` waits for ever.
///
/// # Errors
/// `TimedOut` when it is not, in time.
fn wait(socket: &OwnedFd, flags: PollFlags, timeout: Option<Duration>) -> io::Result<()> {
    wait_any(&mut [PollFd::new(socket, flags)], timeout)
}

fn wait_any(any: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
    let timeout = timeout.map(|timeout| Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    loop {
        match poll(any, timeout.as_ref()) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until `socket` takes more; for as long as the peer takes what is sent fast enough. `uptake` is of the waits before for the
/// same answer. What lies between them counts for nothing: it is the handler's time.
fn wait_for_room(socket: &OwnedFd, uptake: &mut Option<Uptake>, server: &Shared) -> Result<(), CloseReason> {
    let now = || server.epoch.moment(server.clock.now()).tick;
    let began = now();
    let uptake = uptake.get_or_insert_with(|| Uptake::begin(socket.as_fd(), began, server.ticks.write));
    let mut due = uptake.excuse(began, server);
    let mut look = |now| uptake.look(socket.as_fd(), uptake.sight(socket.as_fd(), server), now, server);
    loop {
        let timeout = server.epoch.until(due, server.clock.now());
        match wait(socket, PollFlags::OUT, Some(timeout)) {
            Ok(()) => return look(now()).map(|_| ()),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => due = look(now().max(due))?,
            Err(_) => return Err(CloseReason::Reset),
        }
    }
}

/// Waits until `socket` is ready for what there is interest in, or `bell` rings.
///
/// # Errors
/// `TimedOut` when neither is, in time.
pub(crate) fn wait_for(
    socket: &OwnedFd,
    interest: Interest,
    bell: Option<&Waker>,
    timeout: Duration,
) -> io::Result<()> {
    let flags = if interest == Interest::WRITE { PollFlags::OUT } else { PollFlags::IN };
    match bell {
        None => wait_any(&mut [PollFd::new(socket, flags)], Some(timeout)),
        Some(bell) => {
            let bell = PollFd::new(bell, PollFlags::IN);
            wait_any(&mut [PollFd::new(socket, flags), bell], Some(timeout))
        }
    }
}

/// Receives at least a byte, or 0 at the end of input.
fn receive(socket: &OwnedFd, buffer: &mut [u8], timeout: Option<Duration>) -> io::Result<usize> {
    loop {
        match rustix::net::recv(socket, &mut *buffer, RecvFlags::empty()) {
            Ok((count, _)) => return Ok(count),
            Err(Errno::AGAIN) => wait(socket, PollFlags::IN, timeout)?,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sends all of `bytes`, part of an answer of which `uptake` tells how it was taken if something of it had to wait.
pub(super) fn send_all(
    socket: &OwnedFd,
    mut bytes: &[u8],
    uptake: &mut Option<Uptake>,
    server: &Shared,
) -> Result<(), CloseReason> {
    while !bytes.is_empty() {
        match corelay_poll::socket::send(socket, bytes) {
            Ok(sent) => {
                bytes = &bytes[sent..];
                if let Some(uptake) = uptake {
                    uptake.sent(sent);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wait_for_room(socket, uptake, server)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(CloseReason::Reset),
        }
    }
    Ok(())
}

/// A request's body as it comes off the wire.
pub(super) struct Incoming {
    socket: Arc<OwnedFd>,
    server: Arc<Shared>,
    pub(super) decoder: BodyDecoder,
    /// Received and not decoded yet, from `at` on.
    buffer: Vec<u8>,
    at: usize,
    body_bytes: u64,
    pace: Pace,
    /// What has come so far came too slowly. It may be all of the body, so this counts when more is needed.
    late: bool,
    /// Whether the peer still waits to be asked.
    pub(super) expects_continue: bool,
    pub(super) received_bytes: u64,
    /// Until when a handler waits for more, at most.
    deadline: Option<Instant>,
    /// Why the body cannot be read to its end.
    pub(super) failed: Option<CloseReason>,
}

impl Incoming {
    pub(super) fn new(
        socket: Arc<OwnedFd>,
        server: Arc<Shared>,
        decoder: BodyDecoder,
        early: Vec<u8>,
        expects_continue: bool,
    ) -> Self {
        let pace = Pace::new(server.epoch.moment(server.clock.now()));
        let (at, body_bytes, late, received_bytes, deadline, failed) = (0, 0, false, 0, None, None);
        Self {
            socket,
            server,
            decoder,
            buffer: early,
            at,
            body_bytes,
            pace,
            late,
            expects_continue,
            received_bytes,
            deadline,
            failed,
        }
    }

    /// What was received behind the body.
    pub(super) fn into_leftover(mut self) -> Vec<u8> {
        self.buffer.split_off(self.at)
    }

    /// Reads what is left of the body, to no end but to be behind it.
    pub(super) fn read_to_end(&mut self) -> Result<(), CloseReason> {
        self.deadline = None;
        loop {
            match self.read(&mut [0; 4096]) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(_) => return Err(self.failed.unwrap_or(CloseReason::Internal)),
            }
        }
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            if self.decoder.is_complete() {
                return Ok(0);
            }
            let end = self.buffer.len().min(self.at.saturating_add(into.len()));
            let input = &self.buffer[self.at..end];
            let decoded = match self.decoder.decode(input, &self.server.http_limits) {
                Ok(decoded) => decoded,
                Err(error) => return Err(self.fail(CloseReason::Malformed, error.status(), error.reason())),
            };
            let data = &input[decoded.data];
            into[..data.len()].copy_from_slice(data);
            self.at += decoded.consumed;
            self.body_bytes += data.len() as u64;
            let taken = data.len();
            // What a chunk announces counts as if it were here: nobody has to wait for it to be told.
            let announced = self.body_bytes.saturating_add(self.decoder.remaining_hint());
            if announced > self.server.config.limits.max_body_bytes {
                let reason = "the body is larger than this server accepts here";
                return Err(self.fail(CloseReason::TooLarge, StatusCode::PAYLOAD_TOO_LARGE, reason));
            }
            if taken > 0 {
                return Ok(taken);
            }
            if decoded.consumed == 0 {
                self.receive()?;
            }
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        const LATE: &str = "the body did not arrive in time";
        const CUT: &str = "the body was cut off";
        if self.late {
            return Err(self.fail(CloseReason::BodyTooSlow, StatusCode::REQUEST_TIMEOUT, LATE));
        }
        if let Err(reason) = self.ask() {
            return Err(self.fail(reason, StatusCode::BAD_REQUEST, CUT));
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let kept = self.buffer.len();
        if self.buffer.try_reserve(BUFFER_BYTES).is_err() {
            self.server.app.no_memory.add_shared(1);
            let error = BodyError::no_memory();
            return Err(self.fail(CloseReason::Overload, error.status(), error.reason()));
        }
        self.buffer.resize(kept + BUFFER_BYTES, 0);
        let body_timeout = self.server.config.deadlines.body_timeout;
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(self.server.clock.now()));
        let timeout = left.filter(|left| *left < body_timeout).unwrap_or(body_timeout);
        let received = receive(&self.socket, &mut self.buffer[kept..], Some(timeout));
        self.buffer.truncate(kept + received.as_ref().map_or(0, |count| *count));
        match received {
            Ok(0) => Err(self.fail(CloseReason::PeerClosedEarly, StatusCode::BAD_REQUEST, CUT)),
            Ok(count) => {
                self.received_bytes += count as u64;
                let now = self.server.epoch.moment(self.server.clock.now());
                self.late = !self.pace.keeps_up(count, now, &self.server);
                Ok(())
            }
            // The handler's own deadline, which says nothing of the peer.
            Err(error) if error.kind() == io::ErrorKind::TimedOut && timeout < body_timeout => Err(error),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Err(self.fail(CloseReason::BodyTimeout, StatusCode::REQUEST_TIMEOUT, LATE))
            }
            Err(_) => Err(self.fail(CloseReason::Reset, StatusCode::BAD_REQUEST, CUT)),
        }
    }

    /// Asks a peer that waits for it to send the body.
    fn ask(&mut self) -> Result<(), CloseReason> {
        if !std::mem::take(&mut self.expects_continue) {
            return Ok(());
        }
        send_all(&self.socket, CONTINUE, &mut None, &self.server)
    }

    #[cold]
    fn fail(&mut self, close: CloseReason, status: StatusCode, reason: &'static str) -> io::Error {
        self.failed = Some(close);
        BodyError::new(status, reason).into()
    }
}

/// What the handler's body reads from. The engine takes the inside away when the request is over: a body that user code
/// has kept, or sent to another thread, then reads an error and cannot touch the next request.
#[derive(Clone)]
pub(super) struct IncomingBody(pub(super) Arc<Mutex<Option<Incoming>>>);

impl IncomingBody {
    /// The body that a handler reads, as many bytes long as its sender said.
    pub(super) fn to_body(&self, framing: Framing) -> Body {
        let length = if let Framing::Length(length) = framing { Some(length) } else { None };
        Body::from_reader(Box::new(self.clone()), length)
    }

    /// Asks for a body that user code still holds when the answer begins: it may be read while the answer is written, and
    /// a `100 Continue` in there would be taken for a part of it.
    pub(super) fn ask_if_held(&self) {
        if Arc::strong_count(&self.0) > 1
            && let Ok(mut incoming) = self.0.try_lock()
            && let Some(incoming) = &mut *incoming
            && let Err(reason) = incoming.ask()
        {
            incoming.failed = Some(reason);
        }
    }
}

impl Read for IncomingBody {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            Some(incoming) if incoming.failed.is_none() => incoming.read(into),
            Some(_) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the body could not be read to its end"))
            }
            None => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the request of this body is over")),
        }
    }
}

impl BodySource for IncomingBody {
    fn set_deadline(&mut self, deadline: Option<Instant>) {
        let mut incoming = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(incoming) = &mut *incoming {
            incoming.deadline = deadline;
        }
    }

    fn abandon(&mut self) {
        let mut incoming = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(incoming) = &mut *incoming
            && !incoming.decoder.is_complete()
        {
            incoming.failed.get_or_insert(CloseReason::BodyUnread);
        }
    }
}

/// What writes the body of an answer: framed, gathered to [`BUFFER_BYTES`], sent when full or flushed.
pub(super) struct OutgoingBody<'a> {
    pub(super) socket: &'a OwnedFd,
    pub(super) framing: ResponseFraming,
    pub(super) bytes: Vec<u8>,
    pub(super) uptake: &'a mut Option<Uptake>,
    pub(super) server: &'a Shared,
    pub(super) sent_bytes: u64,
    /// Why nothing more can be written.
    pub(super) failed: Option<CloseReason>,
}

impl OutgoingBody<'_> {
    pub(super) fn send(&mut self) -> Result<(), CloseReason> {
        let sent = match self.failed {
            Some(reason) => Err(reason),
            None => send_all(self.socket, &self.bytes, self.uptake, self.server),
        };
        self.sent_bytes += self.bytes.len() as u64;
        self.bytes.clear();
        self.failed = sent.err();
        sent
    }
}

impl Write for OutgoingBody<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if !append_framed(&mut self.framing, data, &mut self.bytes) {
            self.failed = Some(CloseReason::AnswerBroken);
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "more was written than the length announced",
            ));
        }
        if self.bytes.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send().map_err(|reason| io::Error::new(io::ErrorKind::BrokenPipe, reason.name()))
    }
}

/// A connection that is no longer HTTP, as its new owner reads and writes it: without deadlines of ours.
pub(super) struct Tunnel(pub(super) Arc<OwnedFd>);

impl Read for Tunnel {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        receive(&self.0, into, None)
    }
}

impl Write for Tunnel {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match corelay_poll::socket::send(&*self.0, bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait(&self.0, PollFlags::OUT, None)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
