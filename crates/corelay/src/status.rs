//! What a server counts, and how it shows it.
//!
//! Each core has counters of its own, written only by the thread that owns the core: a load and a store, no locked
//! instruction, no cache line shared between cores. Readers sum up. Service threads share one set, counted atomically.

use crate::connection::CloseReason;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

pub use crate::handle::ServerStatus;

/// A count with one writer at a time.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// By the only writer.
    #[inline]
    pub(crate) fn add(&self, more: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    /// By any thread; all writers of this count must then use it.
    #[inline]
    pub(crate) fn add_shared(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of one core, or of all service threads together.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) accepted: Count,
    pub(crate) closed: Count,
    pub(crate) requests: Count,
    pub(crate) received_bytes: Count,
    pub(crate) sent_bytes: Count,
    pub(crate) handler_ns: Count,
    pub(crate) wake_ups: Count,
    pub(crate) connection_relays: Count,
    pub(crate) core_relays: Count,
    closes: [Count; CloseReason::ALL.len()],
}

impl Counters {
    /// By the owner.
    pub(crate) fn count_close(&self, reason: CloseReason) {
        self.closed.add(1);
        self.closes[reason as usize].add(1);
    }

    /// Adds what a piece of work on a service thread counted to what all of them did.
    pub(crate) fn add_to(&self, all: &Self) {
        all.requests.add_shared(self.requests.read());
        all.received_bytes.add_shared(self.received_bytes.read());
        all.sent_bytes.add_shared(self.sent_bytes.read());
        all.handler_ns.add_shared(self.handler_ns.read());
    }

    fn closes(&self) -> BTreeMap<String, u64> {
        let counted = CloseReason::ALL.iter().map(|reason| (*reason, self.closes[*reason as usize].read()));
        counted
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| (reason.name().to_owned(), count))
            .collect()
    }

    pub(crate) fn core_status(&self, core: usize, cpu: Option<usize>, in_handler: bool) -> CoreStatus {
        let (accepted, closed) = (self.accepted.read(), self.closed.read());
        CoreStatus {
            core,
            cpu,
            connections: accepted.saturating_sub(closed),
            connections_accepted: accepted,
            requests: self.requests.read(),
            received_bytes: self.received_bytes.read(),
            sent_bytes: self.sent_bytes.read(),
            handler_ms: self.handler_ns.read() as f64 / 1e6,
            in_handler,
            wake_ups: self.wake_ups.read(),
            connection_relays: self.connection_relays.read(),
            core_relays: self.core_relays.read(),
            closes: self.closes(),
        }
    }
}

/// What a server is doing, as `GET /status` of the demo shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Status {
    /// The library's version.
    pub version: String,
    /// The threading model.
    pub engine: String,
    /// `serving`, `unready` (still serving, about to drain) or `draining`.
    pub phase: Phase,
    /// Whether a balancer should send new work: true while `serving`.
    pub ready: bool,
    /// Seconds since the server started.
    pub uptime_s: f64,
    /// Open connections in all, those on service threads included.
    pub connections: u64,
    /// New connections that were refused by a limit, by its name.
    pub refused: BTreeMap<String, u64>,
    /// Times accepting paused for want of file descriptors.
    pub accept_pauses: u64,
    /// Each core.
    pub cores: Vec<CoreStatus>,
    /// The service threads together.
    pub service: ServiceStatus,
}

impl Status {
    pub(crate) fn not_serving() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            engine: "cores".to_owned(),
            phase: Phase::Serving,
            ready: false,
            uptime_s: 0.0,
            connections: 0,
            refused: BTreeMap::new(),
            accept_pauses: 0,
            cores: Vec::new(),
            service: ServiceStatus::default(),
        }
    }
}

/// One core.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CoreStatus {
    /// Its number, from 0.
    pub core: usize,
    /// The processor it is bound to, if it is.
    pub cpu: Option<usize>,
    /// Open connections, those away on a service thread included.
    pub connections: u64,
    /// Connections it was given since the start.
    pub connections_accepted: u64,
    /// Requests it answered itself.
    pub requests: u64,
    /// Bytes received by it.
    pub received_bytes: u64,
    /// Bytes sent by it.
    pub sent_bytes: u64,
    /// Time in handlers, in milliseconds: measured at most once a millisecond and scaled, exact under light load.
    pub handler_ms: f64,
    /// Whether it is in a handler at this moment.
    pub in_handler: bool,
    /// Times its poller returned.
    pub wake_ups: u64,
    /// Connections it relayed to a service thread.
    pub connection_relays: u64,
    /// Times the core itself was relayed to another thread.
    pub core_relays: u64,
    /// Closed connections by reason.
    pub closes: BTreeMap<String, u64>,
}

/// The service threads: those that run blocking work.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceStatus {
    /// Threads there are.
    pub threads: u64,
    /// Of them, idle.
    pub standby: u64,
    /// The most there may be.
    pub threads_max: u64,
    /// Requests they answered.
    pub requests: u64,
    /// Bytes received by them.
    pub received_bytes: u64,
    /// Bytes sent by them.
    pub sent_bytes: u64,
    /// Time in handlers, in milliseconds.
    pub handler_ms: f64,
    /// Work refused with 503 because all threads were busy.
    pub refused: u64,
}

/// Where a server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Accepting and answering.
    Serving,
    /// The same, but a balancer should look elsewhere: the server is about to drain.
    Unready,
    /// Finishing what is in flight, accepting nothing.
    Draining,
}
