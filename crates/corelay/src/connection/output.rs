//! Answers on their way out: encoded together, sent together, finished under write interest when the peer is slow.

use super::settle::Pause;
use super::{CloseReason, Doing, Job, Tail};
use crate::clock::{Clock, Moment, Tick};
use crate::http::panics::caught;
use crate::http::{Request, Response, ResponseBody, StatusCode};
use crate::shared::Shared;
use crate::status::Counters;
use crate::tally::Tally;
use bytes::Bytes;
use corelay_http::{
    Encoded, Head, LAST_CHUNK, Persistence, PlainHead, ResponseFraming, ResponseHead, Version, encode_chunk,
};
use corelay_poll::socket;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::time::UNIX_EPOCH;

/// A body up to this size is copied behind its head; a larger one is sent from where it is.
const COPIED_BYTES_MAX: usize = 16 * 1024;
/// What is on its way to the peer as soon as it is sent: ten segments of an Ethernet (RFC 6928). The rest waits in the kernel for the peer
/// to acknowledge these, and a reset would drop it.
const FIRST_WINDOW_BYTES: usize = 10 * 1460;
/// A stream is asked for more until this much is encoded.
const STREAM_FILL_BYTES: usize = 64 * 1024;
/// Sends of one connection in one turn, before others are served.
const SENDS_PER_TURN_MAX: usize = 8;
/// An output buffer that grew past this is let go after use.
const KEPT_BYTES_MAX: usize = 256 * 1024;

/// The answers of one turn, encoded, and what encoding needs.
pub(crate) struct Outgoing {
    pub(crate) bytes: Vec<u8>,
    plain: PlainHead,
    /// When the date is no longer right.
    date_due_nanos: u64,
    access_log: bool,
}

/// How far sending got.
pub(super) enum Sent {
    /// All of it is with the kernel.
    All,
    /// Some is left; so much was taken.
    Partly { taken: usize },
    /// Nothing more can be sent.
    Failed(CloseReason),
}

impl Outgoing {
    pub(crate) fn new(clock: &dyn Clock, now: Moment, access_log: bool) -> Self {
        let bytes = Vec::with_capacity(4096);
        let mut outgoing = Self { bytes, plain: PlainHead::new(0), date_due_nanos: 0, access_log };
        outgoing.refresh_date(clock, now);
        outgoing
    }

    /// Brings the `Date` field up to date, which costs a reading of the wall clock once a second.
    #[inline]
    pub(crate) fn refresh_date(&mut self, clock: &dyn Clock, now: Moment) {
        if now.nanos >= self.date_due_nanos {
            let wall = clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.plain.update(wall.as_secs());
            self.date_due_nanos = now.nanos + 1_000_000_000 - u64::from(wall.subsec_nanos());
        }
    }

    /// Encodes the answer to `request`. `Ok`: all of it, and the connection goes on.
    #[inline(always)]
    pub(super) fn answer(
        &mut self,
        request: Request<'_>,
        persistence: Persistence,
        mut response: Response,
        tally: &mut Tally,
    ) -> Result<(), Box<Pause>> {
        tally.counters.requests.add(1);
        if self.access_log {
            log_access(&request, &response, tally);
        }
        let answer = if self.answer_plainly(&request, persistence, &mut response) {
            Ok(())
        } else {
            self.answer_fully(&request, persistence, &mut response, tally)
        };
        let endpoint = request.endpoint();
        request.dispose();
        response.dispose();
        if let Some(spent) = tally.take_measured()
            && endpoint.habit().sampled(spent)
        {
            tracing::info!(route = endpoint.pattern(), "learnt to wait: goes to service threads");
        }
        if tally.core_was_taken() { answer.and_then(|()| Err(Pause::to(Doing::Again))) } else { answer }
    }

    /// The usual answer: a small body and no fields of its own. `false`: it is none, and nothing was done.
    #[inline(always)]
    fn answer_plainly(
        &mut self,
        request: &Request<'_>,
        persistence: Persistence,
        response: &mut Response,
    ) -> bool {
        let body = match &response.body {
            ResponseBody::Static(bytes) => bytes,
            ResponseBody::Owned(bytes) => bytes.as_slice(),
            _ => return false,
        };
        let head = request.head();
        let head_request = head.method() == corelay_http::Method::Head;
        if response.headers.is_some()
            || !PlainHead::is_for(head.version(), persistence, head_request)
            || !self.plain.append(response.status, response.content_type, body.len(), &mut self.bytes)
        {
            return false;
        }
        self.bytes.extend_from_slice(body);
        response.recycle_body();
        true
    }

    /// Any answer, line by line.
    #[inline(never)]
    fn answer_fully(
        &mut self,
        request: &Request<'_>,
        persistence: Persistence,
        response: &mut Response,
        tally: &mut Tally,
    ) -> Result<(), Box<Pause>> {
        let (head, before) = (request.head(), self.bytes.len());
        let encoded = ResponseHead {
            version: head.version(),
            status: response.status,
            date: Some(self.plain.date()),
            content_type: response.content_type,
            framing: framing_of(&response.body),
            persistence,
            head_request: head.method() == corelay_http::Method::Head,
        }
        .encode(response.headers.iter().flat_map(|map| map.iter()), &mut self.bytes);
        match &response.body {
            ResponseBody::Static(bytes) if bytes.len() <= COPIED_BYTES_MAX => {
                self.whole(bytes, encoded, head)
            }
            ResponseBody::Bytes(bytes) if bytes.len() <= COPIED_BYTES_MAX => {
                let answer = self.whole(bytes, encoded, head);
                // They may have an owner of the user's making (`Bytes::from_owner`), whose drop is user code.
                drop_in_user_code(std::mem::replace(&mut response.body, ResponseBody::Empty), tally);
                answer
            }
            ResponseBody::Owned(bytes) if bytes.len() <= COPIED_BYTES_MAX => {
                let answer = self.whole(bytes, encoded, head);
                response.recycle_body();
                answer
            }
            ResponseBody::Empty => self.whole(b"", encoded, head),
            _ => {
                let body = std::mem::replace(&mut response.body, ResponseBody::Empty);
                let kept = if encoded.framing == ResponseFraming::NoBody { 0 } else { kept_bytes(&body) };
                if kept > 0 && !request.app().buffers.have_room_for_answer(kept) {
                    self.bytes.truncate(before);
                    let head_request = head.method() == corelay_http::Method::Head;
                    return Err(self.refuse_answer(body, head_request, tally));
                }
                Err(Pause::streaming(body, encoded, head.keep_alive(), tally))
            }
        }
    }

    /// Appends a body that is small; what the head promised decides what follows.
    #[inline]
    fn whole(&mut self, body: &[u8], encoded: Encoded, head: Head<'_>) -> Result<(), Box<Pause>> {
        if encoded.framing != ResponseFraming::NoBody {
            self.bytes.extend_from_slice(body);
        }
        match encoded.persistence {
            Persistence::KeepAlive => Ok(()),
            // A peer that would go on may be sending already.
            Persistence::Close => {
                let linger = head.keep_alive() || self.bytes.len() > FIRST_WINDOW_BYTES;
                Err(Pause::closing(CloseReason::LastAnswer, linger))
            }
        }
    }

    /// Encodes a refusal of ours, after which the connection closes and its input is read for a while.
    #[cold]
    pub(super) fn refuse(
        &mut self,
        status: StatusCode,
        reason: &'static str,
        head_request: bool,
        counters: &Counters,
    ) -> Box<Pause> {
        let close = match status {
            StatusCode::REQUEST_TIMEOUT => CloseReason::BodyTimeout,
            StatusCode::SERVICE_UNAVAILABLE => CloseReason::Overload,
            StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::URI_TOO_LONG
            | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => CloseReason::TooLarge,
            _ => CloseReason::Malformed,
        };
        counters.requests.add(1);
        self.encode_refusal(status, reason, head_request);
        Pause::closing(close, true)
    }

    /// Encodes a refusal in place of an answer that there is no room for, should its peer not take it at once.
    #[cold]
    fn refuse_answer(&mut self, body: ResponseBody, head_request: bool, tally: &mut Tally) -> Box<Pause> {
        drop_in_user_code(body, tally);
        let reason = "there is no room for the answer at present";
        self.encode_refusal(StatusCode::SERVICE_UNAVAILABLE, reason, head_request);
        Pause::closing(CloseReason::Overload, true)
    }

    pub(super) fn encode_refusal(&mut self, status: StatusCode, reason: &str, head_request: bool) {
        static TEXT: http::HeaderValue = http::HeaderValue::from_static("text/plain; charset=utf-8");
        static ONE_SECOND: http::HeaderValue = http::HeaderValue::from_static("1");
        let retry =
            (status == StatusCode::SERVICE_UNAVAILABLE).then_some((&http::header::RETRY_AFTER, &ONE_SECOND));
        let _ = ResponseHead {
            version: Version::Http11,
            status,
            date: Some(self.plain.date()),
            content_type: Some(&TEXT),
            framing: ResponseFraming::Length(reason.len() as u64 + 1),
            persistence: Persistence::Close,
            head_request,
        }
        .encode(retry, &mut self.bytes);
        if !head_request {
            self.bytes.extend_from_slice(reason.as_bytes());
            self.bytes.push(b'\n');
        }
    }

    /// What is in the buffer, to be kept, of which `at` bytes are sent: the buffer itself, unless that is much larger.
    pub(super) fn take_unsent(&mut self, at: &mut usize) -> Vec<u8> {
        if self.bytes.len() > self.bytes.capacity() / 2 {
            return std::mem::take(&mut self.bytes);
        }
        let unsent = self.bytes[std::mem::take(at)..].to_vec();
        self.reset();
        unsent
    }

    /// Empties the buffer for the next turn.
    #[inline]
    pub(super) fn reset(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_BYTES_MAX {
            self.bytes = Vec::with_capacity(4096);
        }
    }
}

#[inline]
fn framing_of(body: &ResponseBody) -> ResponseFraming {
    match body {
        ResponseBody::Empty => ResponseFraming::Length(0),
        ResponseBody::Static(bytes) => ResponseFraming::Length(bytes.len() as u64),
        ResponseBody::Owned(bytes) => ResponseFraming::Length(bytes.len() as u64),
        ResponseBody::Bytes(bytes) => ResponseFraming::Length(bytes.len() as u64),
        ResponseBody::Chunks { length: Some(length), .. }
        | ResponseBody::Writer { length: Some(length), .. } => ResponseFraming::Length(*length),
        ResponseBody::Chunks { length: None, .. } | ResponseBody::Writer { length: None, .. } => {
            ResponseFraming::Chunked
        }
        ResponseBody::Upgrade { .. } => ResponseFraming::NoBody,
    }
}

/// What is kept of a body, at the most, should its peer not take it. Bytes that others have too are not kept for this answer.
#[inline]
fn kept_bytes(body: &ResponseBody) -> usize {
    match body {
        ResponseBody::Owned(bytes) => bytes.len(),
        ResponseBody::Bytes(bytes) if bytes.is_unique() => bytes.len(),
        ResponseBody::Chunks { .. } => STREAM_FILL_BYTES,
        _ => 0,
    }
}

impl Pause {
    /// What is left to do for a body that does not simply follow its head.
    #[cold]
    #[inline(never)]
    fn streaming(body: ResponseBody, encoded: Encoded, keep_alive: bool, tally: &mut Tally) -> Box<Self> {
        let unwanted = encoded.framing == ResponseFraming::NoBody;
        // It may be longer than what is on its way at once.
        let linger = keep_alive || !unwanted;
        let then = match encoded.persistence {
            Persistence::KeepAlive => Doing::Again,
            Persistence::Close => Doing::Close { reason: CloseReason::LastAnswer, linger },
        };
        match body {
            ResponseBody::Upgrade { run } => {
                Self::of(Tail::None, Doing::Service(Box::new(Job::Upgrade { run })))
            }
            body if unwanted => {
                drop_in_user_code(body, tally);
                Self::of(Tail::None, then)
            }
            ResponseBody::Static(bytes) => Self::of(Tail::Bytes(Bytes::from_static(bytes)), then),
            ResponseBody::Bytes(bytes) => Self::of(Tail::Bytes(bytes), then),
            ResponseBody::Owned(bytes) => Self::of(Tail::Bytes(Bytes::from(bytes)), then),
            ResponseBody::Chunks { chunks, .. } => {
                Self::of(Tail::Chunks(Box::new(ChunkStream { chunks, framing: encoded.framing })), then)
            }
            ResponseBody::Writer { write, .. } => {
                let job = Job::Write {
                    write,
                    framing: encoded.framing,
                    persistence: encoded.persistence,
                    unread: None,
                };
                Self::of(Tail::None, Doing::Service(Box::new(job)))
            }
            ResponseBody::Empty => Self::of(Tail::None, then),
        }
    }
}

/// A body made as it is sent: a user's iterator, and the framing its bytes are put in.
pub(super) struct ChunkStream {
    chunks: Box<dyn Iterator<Item = io::Result<Bytes>> + Send>,
    /// With a length: what is left of it.
    framing: ResponseFraming,
}

/// How a stream stands.
pub(super) enum Filled {
    More,
    Ended,
    /// It failed, or is not as long as its head said.
    Broken,
}

impl ChunkStream {
    /// Encodes chunks until there is enough to send. Runs user code.
    pub(super) fn fill(&mut self, bytes: &mut Vec<u8>, tally: &mut Tally) -> Filled {
        while bytes.len() < STREAM_FILL_BYTES {
            tally.enter();
            // The chunk is dropped in there too: its owner may be of the user's making.
            let appended = caught(|| {
                let chunk = self.chunks.next()?;
                Some(chunk.map(|chunk| append_framed(&mut self.framing, &chunk, bytes)))
            });
            tally.leave();
            match appended {
                Ok(Some(Ok(true))) => {}
                Ok(Some(Ok(false))) => return Filled::Broken,
                Ok(None) => return end_framed(self.framing, bytes),
                Ok(Some(Err(error))) => {
                    tracing::warn!(%error, "a streamed answer failed");
                    return Filled::Broken;
                }
                Err(message) => {
                    tally.panicked();
                    tracing::error!(panic = message, "the iterator of a streamed answer panicked");
                    return Filled::Broken;
                }
            }
        }
        Filled::More
    }
}

/// Appends body bytes as `framing` wants them. `false`: more than its length.
pub(super) fn append_framed(framing: &mut ResponseFraming, data: &[u8], bytes: &mut Vec<u8>) -> bool {
    match framing {
        ResponseFraming::Chunked => encode_chunk(data, bytes),
        ResponseFraming::Length(left) => {
            let Some(after) = left.checked_sub(data.len() as u64) else { return false };
            *left = after;
            bytes.extend_from_slice(data);
        }
        ResponseFraming::UntilClose => bytes.extend_from_slice(data),
        ResponseFraming::NoBody => {}
    }
    true
}

/// Appends what ends a body.
pub(super) fn end_framed(framing: ResponseFraming, bytes: &mut Vec<u8>) -> Filled {
    match framing {
        ResponseFraming::Chunked => bytes.extend_from_slice(LAST_CHUNK),
        ResponseFraming::Length(1..) => return Filled::Broken,
        ResponseFraming::Length(0) | ResponseFraming::UntilClose | ResponseFraming::NoBody => {}
    }
    Filled::Ended
}

/// Sends answers in one system call; says how much of them was taken. An error is met again by the next [`send`]. `last`: if
/// all are taken the socket is closed at once, and the end of the stream may go with them.
#[inline(always)]
pub(super) fn send_answers(socket: BorrowedFd<'_>, bytes: &[u8], last: bool, tally: &Tally) -> usize {
    if bytes.is_empty() {
        return 0;
    }
    let sent = if last { socket::send_last(socket, bytes) } else { socket::send(socket, bytes) }.unwrap_or(0);
    tally.counters.sent_bytes.add(sent as u64);
    sent
}

/// Sends `bytes[*at..]` and then `tail`, as far as the peer takes them and the turn lasts.
pub(super) fn send(
    socket: BorrowedFd<'_>,
    bytes: &mut Vec<u8>,
    at: &mut usize,
    tail: &mut Tail,
    tally: &mut Tally,
) -> Sent {
    let mut taken = 0;
    for _ in 0..SENDS_PER_TURN_MAX {
        if *at == bytes.len() {
            *at = 0;
            bytes.clear();
            if let Tail::Chunks(stream) = tail {
                match stream.fill(bytes, tally) {
                    Filled::More => {}
                    Filled::Ended => drop_in_user_code(std::mem::take(tail), tally),
                    Filled::Broken => return Sent::Failed(CloseReason::AnswerBroken),
                }
            }
        }
        let wanted = bytes.len() - *at + tail.bytes().len();
        if wanted == 0 {
            return Sent::All;
        }
        let sent = match send_once(socket, &bytes[*at..], tail.bytes()) {
            Ok(sent) => sent,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Sent::Partly { taken },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Sent::Failed(CloseReason::Reset),
        };
        taken += sent;
        tally.counters.sent_bytes.add(sent as u64);
        let of_bytes = sent.min(bytes.len() - *at);
        *at += of_bytes;
        tail.advance(sent - of_bytes);
        if matches!(tail, Tail::Bytes(bytes) if bytes.is_empty()) {
            drop_in_user_code(std::mem::take(tail), tally);
        }
        if sent < wanted {
            return Sent::Partly { taken };
        }
        if matches!(tail, Tail::None) {
            return Sent::All;
        }
    }
    Sent::Partly { taken }
}

#[inline]
fn send_once(socket: BorrowedFd<'_>, bytes: &[u8], tail: &[u8]) -> io::Result<usize> {
    if tail.is_empty() {
        return socket::send(socket, bytes);
    }
    socket::send_vectored(socket, &[IoSlice::new(bytes), IoSlice::new(tail)])
}

/// The time after sending: the iterator of a stream may have taken its own, which is not its peer's.
pub(super) fn after_sending(is_stream: bool, now: Moment, server: &Shared) -> Tick {
    if is_stream { server.epoch.moment(server.clock.now()).tick } else { now.tick }
}

impl Tail {
    pub(super) fn is_stream(&self) -> bool {
        matches!(self, Self::Chunks(_))
    }

    fn bytes(&self) -> &[u8] {
        if let Self::Bytes(bytes) = self { bytes } else { &[] }
    }

    fn advance(&mut self, sent: usize) {
        if let Self::Bytes(bytes) = self {
            bytes::Buf::advance(bytes, sent);
        }
    }
}

/// Drops what may be a user's value, whose drop may block or panic.
pub(super) fn drop_in_user_code<T>(value: T, tally: &mut Tally) {
    tally.enter();
    let dropped = caught(|| drop(value));
    tally.leave();
    if let Err(message) = dropped {
        tally.panicked();
        tracing::error!(panic = message, "dropping a streamed answer panicked");
    }
}

#[cold]
fn log_access(request: &Request<'_>, response: &Response, tally: &Tally) {
    let bytes = match framing_of(&response.body) {
        ResponseFraming::Length(length) => Some(length),
        _ => None,
    };
    tracing::info!(
        target: "corelay::access",
        peer = request.peer().map(tracing::field::display),
        method = %request.method(),
        target = request.target(),
        status = response.status.as_u16(),
        bytes,
        duration_us = tally.last_handler().map(|spent| spent.time.as_micros() as u64),
    );
}
