//! Request bodies that need more than a look at the input: gathered for an extractor, read and dropped, or handed to
//! a service thread as a stream.

use super::discard::{Discard, Discarded};
use super::head::is_of_head_request;
use super::input::Received;
use super::output::Outgoing;
use super::service::CallBody;
use super::settle::Pause;
use super::{CloseReason, Connection, Doing, Job, Next, Turn};
use crate::clock::{Moment, Tick};
use crate::http::{Body, BodyUse, Endpoint, Gathering, Params, Request, RequestBody, Response, StatusCode};
use crate::shared::Shared;
use crate::tally::Tally;
use bytes::Bytes;
use corelay_http::{BodyDecoder, BodyError, Framing, Head, Persistence, RequestHead};
use std::net::SocketAddr;

/// A body that is gathered before its handler runs.
pub(super) struct Gather {
    /// The head's bytes, to be parsed again when the body is here.
    head: Vec<u8>,
    decoder: BodyDecoder,
    body: Gathering,
    pace: Pace,
    /// It is to be refused.
    wrong: Option<Wrong>,
    /// It came more slowly than allowed.
    late: bool,
}

/// Why a body is refused.
#[derive(Clone, Copy)]
struct Wrong {
    status: StatusCode,
    reason: &'static str,
}

const TOO_LARGE: Wrong = Wrong {
    status: StatusCode::PAYLOAD_TOO_LARGE,
    reason: "the body is larger than this server accepts here",
};

/// How fast a body comes.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) began: Moment,
    received: u64,
}

/// A whole head, its endpoint, and what has arrived behind it.
pub(super) struct Arrived<'a> {
    pub(super) head: Head<'a>,
    /// The bytes of the head.
    pub(super) bytes: &'a [u8],
    pub(super) endpoint: &'a Endpoint,
    pub(super) after_head: &'a [u8],
    pub(super) peer: &'a Option<SocketAddr>,
}

/// The body, if it is here in one piece and the handler may run on this thread.
#[inline]
pub(super) fn whole<'a>(
    head: &Head<'_>,
    endpoint: &Endpoint,
    after_head: &'a [u8],
    server: &Shared,
) -> Option<RequestBody<'a>> {
    if endpoint.is_blocking() {
        return None;
    }
    match head.framing() {
        Framing::None => Some(RequestBody::Empty),
        Framing::Length(length) => {
            let (BodyUse::Whole { limit } | BodyUse::Either { limit }) = endpoint.body_use() else {
                return None;
            };
            let length = usize::try_from(length).ok()?;
            let body = after_head.get(..length)?;
            (length <= whole_limit(limit, server)).then_some(RequestBody::Whole(body))
        }
        Framing::Chunked => None,
    }
}

/// Goes on with a request whose body is not simply there: answers, or says what to do first. The number is the bytes
/// consumed behind the head.
#[cold]
#[inline(never)]
pub(super) fn begin(
    arrived: Arrived<'_>,
    out: &mut Outgoing,
    tally: &mut Tally,
    server: &Shared,
) -> (usize, Result<(), Box<Pause>>) {
    let now = tally.now();
    let all = arrived.after_head.len();
    let framing = arrived.head.framing();
    if exceeds(framing, server.config.limits.max_body_bytes) {
        return (all, Err(too_large(is_head(&arrived.head), out, tally)));
    }
    let endpoint = arrived.endpoint;
    let blocking = endpoint.is_blocking();
    let here = matches!(framing, Framing::Length(length) if length <= all as u64);
    // Whoever waits for "100 Continue" waits for the handler to ask for the body: only a thread that may wait can.
    let asks = arrived.head.expects_continue() && all == 0;
    match endpoint.body_use() {
        _ if framing == Framing::None => {
            let job = Job::Call { request: arrived.bytes.to_vec(), body: CallBody::Whole(Bytes::new()) };
            (0, Err(Pause::to(Doing::Service(Box::new(job)))))
        }
        BodyUse::Unused if framing == Framing::Chunked && !arrived.head.expects_continue() => {
            answer_after(arrived, out, tally, now, server)
        }
        BodyUse::Unused if !blocking => answer_first(arrived, out, tally, now, server),
        BodyUse::Whole { limit } if exceeds(framing, whole_limit(limit, server) as u64) => {
            (all, Err(too_large(is_head(&arrived.head), out, tally)))
        }
        BodyUse::Whole { limit } if !asks => {
            let gather = Gather::new(arrived.bytes, framing, whole_limit(limit, server), now);
            gather.take_in(arrived.after_head, out, tally, arrived.peer, server)
        }
        BodyUse::Either { limit } if !asks && is_gathered(framing, whole_limit(limit, server)) => {
            let gather = Gather::new(arrived.bytes, framing, whole_limit(limit, server), now);
            gather.take_in(arrived.after_head, out, tally, arrived.peer, server)
        }
        BodyUse::Stream | BodyUse::Either { .. } if here && !blocking => {
            let length = framing_length(framing);
            let body = Body::from(bytes::Bytes::copy_from_slice(&arrived.after_head[..length]));
            (length, call(&arrived, RequestBody::Stream(body), out, tally, server))
        }
        _ => {
            let job = Job::Call {
                request: arrived.bytes.to_vec(),
                body: CallBody::Stream(arrived.after_head.to_vec()),
            };
            (all, Err(Pause::to(Doing::Service(Box::new(job)))))
        }
    }
}

/// Runs a handler that does not look at the body, then deals with the body. What of the body is here already has to be
/// well-formed.
fn answer_first(
    arrived: Arrived<'_>,
    out: &mut Outgoing,
    tally: &mut Tally,
    now: Moment,
    server: &Shared,
) -> (usize, Result<(), Box<Pause>>) {
    let mut discard = Discard::new(BodyDecoder::new(arrived.head.framing()), now, server);
    let (consumed, state) = discard.take_in(arrived.after_head, &server.http_limits);
    if let Discarded::Refused(error) = state {
        return (consumed, Err(refused(error, is_head(&arrived.head), out, tally)));
    }
    let expects = arrived.head.expects_continue() && !matches!(state, Discarded::Complete);
    let goes_on = !expects && !matches!(state, Discarded::TooMuch);
    let persistence = if goes_on { server.persistence(&arrived.head) } else { Persistence::Close };
    let answer = call_with(&arrived, RequestBody::Empty, persistence, out, tally, server);
    let answer = match (state, answer) {
        (Discarded::Complete, answer) => answer,
        (Discarded::More, Ok(())) => Err(Pause::to(Doing::Discard(discard))),
        (Discarded::More, Err(pause)) => Err(pause.then_discard(discard)),
        (_, Ok(())) => Err(Pause::closing(CloseReason::BodyUnread, true)),
        (_, Err(pause)) => Err(pause.then_linger()),
    };
    (consumed, answer)
}

/// The same the other way round, for a body in chunks. Where such a body ends, and whether it is well-formed, is known at its end only:
/// were it answered before, what the answer says of it and of the connection would depend on how it came.
fn answer_after(
    arrived: Arrived<'_>,
    out: &mut Outgoing,
    tally: &mut Tally,
    now: Moment,
    server: &Shared,
) -> (usize, Result<(), Box<Pause>>) {
    let own = server.app.route(&arrived.head, &mut Params::none());
    if !std::ptr::eq(own, arrived.endpoint) {
        // It is turned away, and has nothing to wait for.
        return answer_first(arrived, out, tally, now, server);
    }
    let mut discard = Discard::new(BodyDecoder::new(arrived.head.framing()), now, server);
    let (consumed, state) = discard.take_in(arrived.after_head, &server.http_limits);
    let answer = match state {
        Discarded::More => {
            discard.put_off(arrived.bytes);
            Err(Pause::to(Doing::Discard(discard)))
        }
        state => answer_discarded(&arrived, state, out, tally, server),
    };
    (consumed, answer)
}

/// Answers a request whose body nobody wants and which is behind it, or is of no use.
pub(super) fn answer_discarded(
    arrived: &Arrived<'_>,
    state: Discarded,
    out: &mut Outgoing,
    tally: &mut Tally,
    server: &Shared,
) -> Result<(), Box<Pause>> {
    let lost = match state {
        Discarded::Refused(error) => return Err(refused(error, is_head(&arrived.head), out, tally)),
        Discarded::TooMuch => true,
        Discarded::Complete | Discarded::More => false,
    };
    if arrived.endpoint.is_blocking() {
        let body = if lost { CallBody::Lost } else { CallBody::Whole(Bytes::new()) };
        let job = Job::Call { request: arrived.bytes.to_vec(), body };
        return Err(Pause::to(Doing::Service(Box::new(job))));
    }
    let persistence = if lost { Persistence::Close } else { server.persistence(&arrived.head) };
    let answer = call_with(arrived, RequestBody::Empty, persistence, out, tally, server);
    if lost { answer.map_err(Pause::then_linger) } else { answer }
}

fn call(
    arrived: &Arrived<'_>,
    body: RequestBody<'_>,
    out: &mut Outgoing,
    tally: &mut Tally,
    server: &Shared,
) -> Result<(), Box<Pause>> {
    call_with(arrived, body, server.persistence(&arrived.head), out, tally, server)
}

fn call_with(
    arrived: &Arrived<'_>,
    body: RequestBody<'_>,
    persistence: Persistence,
    out: &mut Outgoing,
    tally: &mut Tally,
    server: &Shared,
) -> Result<(), Box<Pause>> {
    let mut params = Params::none();
    // For the parameters alone: a request that is refused has an endpoint that is not its own.
    server.app.route(&arrived.head, &mut params);
    let endpoint = arrived.endpoint;
    let mut request = Request::new(arrived.head, (endpoint, &params), body, &server.app, arrived.peer);
    let mut response = Response::empty();
    tally.call(endpoint, &mut request, &mut response);
    out.answer(request, persistence, response, tally)
}

fn too_large(head_request: bool, out: &mut Outgoing, tally: &Tally) -> Box<Pause> {
    out.refuse(TOO_LARGE.status, TOO_LARGE.reason, head_request, &tally.counters)
}

fn refused(error: BodyError, head_request: bool, out: &mut Outgoing, tally: &Tally) -> Box<Pause> {
    out.refuse(error.status(), error.reason(), head_request, &tally.counters)
}

fn is_head(head: &Head<'_>) -> bool {
    head.method() == corelay_http::Method::Head
}

/// What a whole-body extractor may gather.
fn whole_limit(of_route: Option<usize>, server: &Shared) -> usize {
    let limits = &server.config.limits;
    let whole = of_route.unwrap_or(limits.max_buffered_body_bytes);
    whole.min(usize::try_from(limits.max_body_bytes).unwrap_or(usize::MAX))
}

fn exceeds(framing: Framing, limit: u64) -> bool {
    matches!(framing, Framing::Length(length) if length > limit)
}

fn is_gathered(framing: Framing, limit: usize) -> bool {
    matches!(framing, Framing::Length(length) if length <= limit as u64)
}

fn framing_length(framing: Framing) -> usize {
    match framing {
        Framing::Length(length) => usize::try_from(length).unwrap_or(usize::MAX),
        Framing::None | Framing::Chunked => 0,
    }
}

impl Pause {
    fn then_discard(mut self: Box<Self>, discard: Discard) -> Box<Self> {
        match &mut self.doing {
            Doing::Idle | Doing::Again => self.doing = Doing::Discard(discard),
            Doing::Service(job) => job.then_discard(discard),
            _ => return self.then_linger(),
        }
        self
    }

    fn then_linger(mut self: Box<Self>) -> Box<Self> {
        match &mut self.doing {
            Doing::Close { linger, .. } => *linger = true,
            Doing::Idle | Doing::Again => {
                self.doing = Doing::Close { reason: CloseReason::BodyUnread, linger: true }
            }
            _ => {}
        }
        self
    }
}

impl Pace {
    pub(super) fn new(began: Moment) -> Self {
        Self { began, received: 0 }
    }

    /// Counts bytes in. `false`: the body comes more slowly than allowed, the time of grace being over.
    pub(super) fn keeps_up(&mut self, bytes: usize, now: Moment, server: &Shared) -> bool {
        self.received += bytes as u64;
        let deadlines = &server.config.deadlines;
        let elapsed = now.instant.saturating_duration_since(self.began.instant);
        elapsed <= deadlines.body_timeout
            || self.received as f64 >= deadlines.min_body_rate as f64 * elapsed.as_secs_f64()
    }
}

impl Gather {
    fn new(head: &[u8], framing: Framing, body_bytes_max: usize, now: Moment) -> Self {
        let length = if let Framing::Length(length) = framing { Some(length) } else { None };
        let body = Gathering::new(length, body_bytes_max, head.len());
        let decoder = BodyDecoder::new(framing);
        Self { head: head.to_vec(), decoder, body, pace: Pace::new(now), wrong: None, late: false }
    }

    /// When it was begun.
    pub(super) fn began(&self) -> Tick {
        self.pace.began.tick
    }

    /// Whether there is nothing to read before it is answered.
    fn is_settled(&self) -> bool {
        self.wrong.is_some() || self.decoder.is_complete()
    }

    /// Takes in a piece of the body; says how much, once it is to be answered or comes too slowly.
    pub(super) fn take_piece(&mut self, piece: &[u8], now: Moment, server: &Shared) -> Option<usize> {
        let keeps_up = self.pace.keeps_up(piece.len(), now, server);
        match self.collect(piece, server) {
            Ok(_) if keeps_up && !self.decoder.is_complete() => None,
            Ok(consumed) => {
                self.late = !self.decoder.is_complete();
                Some(consumed)
            }
            Err(wrong) => {
                self.wrong = Some(wrong);
                Some(piece.len())
            }
        }
    }

    pub(super) fn is_of_head_request(&self) -> bool {
        is_of_head_request(&self.head)
    }

    /// Takes in body bytes. When the body is complete, answers; else the connection goes on gathering.
    fn take_in(
        mut self,
        input: &[u8],
        out: &mut Outgoing,
        tally: &mut Tally,
        peer: &Option<SocketAddr>,
        server: &Shared,
    ) -> (usize, Result<(), Box<Pause>>) {
        match self.collect(input, server) {
            Ok(at) if self.decoder.is_complete() => (at, self.answer(out, tally, peer, server)),
            Ok(at) => (at, Err(Pause::to(Doing::Gather(Box::new(self))))),
            Err(wrong) => {
                let head_request = self.is_of_head_request();
                let pause = out.refuse(wrong.status, wrong.reason, head_request, &tally.counters);
                (input.len(), Err(pause))
            }
        }
    }

    /// Takes in body bytes, to the end of the body or of `input`; says how many.
    fn collect(&mut self, input: &[u8], server: &Shared) -> Result<usize, Wrong> {
        let mut at = 0;
        self.wrong.map_or(Ok(()), Err)?;
        while !self.decoder.is_complete() {
            let decoded = self.decoder.decode(&input[at..], &server.http_limits);
            let decoded =
                decoded.map_err(|error| Wrong { status: error.status(), reason: error.reason() })?;
            let data = &input[at..][decoded.data];
            // What a chunk announces counts as if it were here: nobody has to wait for it to be told.
            let announced = (data.len() as u64).saturating_add(self.decoder.remaining_hint());
            if announced > self.body.bytes_left() as u64 {
                return Err(TOO_LARGE);
            }
            let appended = self.body.append(data, &server.app);
            appended.map_err(|error| Wrong { status: error.status(), reason: error.reason() })?;
            at += decoded.consumed;
            if decoded.consumed == 0 {
                break;
            }
        }
        Ok(at)
    }

    /// The body is whole: calls the handler, on a service thread if it asked for one.
    fn answer(
        self,
        out: &mut Outgoing,
        tally: &mut Tally,
        peer: &Option<SocketAddr>,
        server: &Shared,
    ) -> Result<(), Box<Pause>> {
        let (head_bytes, body) = (self.head, self.body.into_bytes());
        let mut parser = RequestHead::new();
        if parser.parse(&head_bytes, &server.http_limits).is_err() {
            return Err(Pause::closing(CloseReason::Internal, true));
        }
        let head = parser.view(&head_bytes);
        let endpoint = server.app.route(&head, &mut Params::none());
        if endpoint.is_blocking() {
            let job = Job::Call { request: head_bytes, body: CallBody::Whole(body) };
            return Err(Pause::to(Doing::Service(Box::new(job))));
        }
        let arrived = Arrived { head, bytes: &head_bytes, endpoint, after_head: &[], peer };
        call(&arrived, RequestBody::Gathered(&body), out, tally, server)
    }
}

impl Connection {
    /// More of a body that is being gathered, or, where that is [over](Connection::gather), `behind` it.
    pub(super) fn receive_body(
        &mut self,
        mut gather: Box<Gather>,
        behind: &[u8],
        turn: &mut Turn,
        server: &Shared,
    ) -> Result<Received, Next> {
        if gather.late {
            self.keep_doing(Doing::Gather(gather));
            return Err(self.time_out(CloseReason::BodyTooSlow, true, turn, server));
        }
        let read = if gather.is_settled() {
            turn.input[..behind.len()].copy_from_slice(behind);
            Ok(behind.len())
        } else {
            self.read_on(&mut turn.input, &turn.tally.counters)
        };
        let filled = match read {
            Ok(filled) => filled,
            Err(Next::Read) => {
                self.keep_doing(Doing::Gather(gather));
                return Err(Next::Read);
            }
            Err(end) => return Err(end),
        };
        let keeps_up = gather.pace.keeps_up(filled, turn.now, server);
        let Turn { input, out, tally, .. } = turn;
        let (consumed, answer) = gather.take_in(&input[..filled], out, tally, &self.peer, server);
        match answer {
            Ok(()) => Ok(move_up(turn, consumed, filled)),
            // A body that is whole is not too slow any more.
            Err(pause) if !keeps_up && matches!(pause.doing, Doing::Gather(_)) => {
                self.keep_doing(pause.doing);
                Err(self.time_out(CloseReason::BodyTooSlow, true, turn, server))
            }
            Err(pause) => Err(self.settle(Some(pause), consumed..filled, turn, server)),
        }
    }

    pub(super) fn keep_doing(&mut self, doing: Doing) {
        self.unfinished = Some(Box::new(super::Unfinished { doing, ..super::Unfinished::default() }));
    }
}

/// Moves what follows a body to the start of the input, where the next request is looked for.
pub(super) fn move_up(turn: &mut Turn, from: usize, to: usize) -> Received {
    turn.input.copy_within(from..to, 0);
    Received { filled: to - from, head_due: None }
}
