//! What the driver knows of one connection.

use crate::link::Link;
use crate::response::ResponseReader;
use crate::tally::Answers;
use fastrand::Rng;
use std::time::{Duration, Instant};

/// A connection of a group, through all the sockets it has in a run.
///
/// ```text
///            due                   opened               answered
///  (no link) ───▶ opening, current ──────▶ current, sent ───────▶ link, nothing current ─▶ due …
///      ▲                 │ refused               │ reset, timeout, bad framing; or the server closes
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
    pub(super) reader: ResponseReader,
    pub(super) random: Rng,
    /// Requests it has begun.
    pub(super) turn: u64,
    /// The request that has begun and not ended.
    pub(super) current: Option<Request>,
    /// The path of the last request, for bytes that no request asked for.
    pub(super) last_path: usize,
    /// From when on it could begin the next: the end of its last request, or of its rest.
    pub(super) free_since: Instant,
    pub(super) answers: Answers,
}

/// A request that has begun: sent, or waiting for its connection to open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) path: usize,
    /// Latency counts from here.
    pub(super) due: Instant,
    /// The timeout counts from here.
    pub(super) begun: Instant,
}

impl Connection {
    pub(super) fn new(group: usize, number: u32, seed: u64, now: Instant) -> Self {
        Self {
            group,
            number,
            link: None,
            generation: 0,
            reader: ResponseReader::default(),
            random: Rng::with_seed(seed),
            turn: 0,
            current: None,
            last_path: 0,
            free_since: now,
            answers: Answers::default(),
        }
    }

    /// Whether it may begin a request.
    pub(super) fn is_free(&self, now: Instant) -> bool {
        self.current.is_none() && self.free_since <= now
    }

    /// A rest ends when somebody looks: what it lasts beyond its time is no lateness of the sending.
    pub(super) fn end_rest(&mut self, now: Instant) {
        if self.link.is_none() && self.current.is_none() {
            self.free_since = self.free_since.max(now);
        }
    }

    /// Whether its request has been out for too long.
    pub(super) fn is_overdue(&self, now: Instant, timeout: Duration) -> bool {
        self.current.is_some_and(|request| now.saturating_duration_since(request.begun) > timeout)
    }
}
