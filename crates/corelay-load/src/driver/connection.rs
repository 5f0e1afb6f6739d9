//! What the driver knows of one connection.

use super::running::Running;
use crate::link::Link;
use crate::reader::Reader;
use crate::tally::Answers;
use fastrand::Rng;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A connection of a group, through all the sockets it has in a run.
///
/// ```text
///            due                   opened               answered
///  (no link) ───▶ opening, in flight ──────▶ in flight, sent ───────▶ link, nothing in flight ─▶ due …
///      ▲                 │ refused               │ reset, timeout, bad framing; the server closes; its last request is answered
///      └─ a rest ────────┴───────────────────────┘
/// ```
#[derive(Debug)]
pub(super) struct Connection {
    /// Index of its group, and its number in it.
    pub(super) group: usize,
    pub(super) number: u32,
    pub(super) link: Option<Link>,
    /// Sockets it has had: half of the poller's token, so that no event of an old socket is taken for one of the new.
    pub(super) generation: u32,
    /// Requests that may still begin on this socket, or on the next while there is none.
    pub(super) requests_left: u32,
    pub(super) reader: Reader,
    pub(super) random: Rng,
    /// Requests it has begun.
    pub(super) turn: u64,
    /// Requests that have begun and not ended, in their order.
    pub(super) flight: VecDeque<Request>,
    /// The last request drawn, for bytes that no request asked for.
    pub(super) last_drawn: usize,
    /// From when on it could begin the next: the end of the request that made room for it, or of its rest.
    pub(super) free_since: Instant,
    pub(super) answers: Answers,
}

/// A request that has begun: sent, or waiting for its connection to open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    /// Its index in the mix.
    pub(super) drawn: usize,
    /// Latency counts from here.
    pub(super) due: Instant,
    /// The timeout counts from here.
    pub(super) begun: Instant,
    /// Whether it is the last of its socket.
    pub(super) closes: bool,
}

impl Connection {
    pub(super) fn new(running: &Running<'_>, place: (usize, u32), seed: u64, now: Instant) -> Self {
        let (group, number) = place;
        Self {
            group,
            number,
            link: None,
            generation: 0,
            requests_left: running.requests_per_connection(),
            reader: Reader::new(running.group.protocol),
            random: Rng::with_seed(seed),
            turn: 0,
            flight: VecDeque::new(),
            last_drawn: 0,
            free_since: now,
            answers: Answers::default(),
        }
    }

    /// Whether it may begin a request, of at most `pipeline` at once.
    pub(super) fn is_free(&self, pipeline: u32, now: Instant) -> bool {
        self.flight.len() < pipeline as usize && self.requests_left > 0 && self.free_since <= now
    }

    /// A rest ends when somebody looks: what it lasts beyond its time is no lateness of the sending.
    pub(super) fn end_rest(&mut self, now: Instant) {
        if self.link.is_none() && self.flight.is_empty() {
            self.free_since = self.free_since.max(now);
        }
    }

    /// Whether its oldest request has been out for too long.
    pub(super) fn is_overdue(&self, now: Instant, timeout: Duration) -> bool {
        self.flight.front().is_some_and(|request| now.saturating_duration_since(request.begun) > timeout)
    }
}
