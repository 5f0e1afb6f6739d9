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

/// Counts by name, as they go from process to process.
pub(crate) type Row = BTreeMap<String, u64>;

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
    pub(crate) passed_in: Count,
    pub(crate) passed_on: Count,
    pub(crate) handler_panics: Count,
    pub(crate) moved_in: Count,
    pub(crate) moved_away: Count,
    closes: [Count; CloseReason::ALL.len()],
}

impl Counters {
    /// By the owner.
    pub(crate) fn count_close(&self, reason: CloseReason) {
        self.closed.add(1);
        self.closes[reason as usize].add(1);
    }

    /// Adds what one thread counted to what all of them did.
    pub(crate) fn add_to(&self, all: &Self) {
        for (ours, theirs) in self.all().zip(all.all()) {
            theirs.add_shared(ours.read());
        }
    }

    fn all(&self) -> impl Iterator<Item = &Count> {
        self.named().map(|(_, count)| count)
    }

    /// Every count, with a name that another process knows it by.
    fn named(&self) -> impl Iterator<Item = (&'static str, &Count)> {
        let named = [
            ("accepted", &self.accepted),
            ("closed", &self.closed),
            ("requests", &self.requests),
            ("received_bytes", &self.received_bytes),
            ("sent_bytes", &self.sent_bytes),
            ("handler_ns", &self.handler_ns),
            ("wake_ups", &self.wake_ups),
            ("connection_relays", &self.connection_relays),
            ("core_relays", &self.core_relays),
            ("passed_in", &self.passed_in),
            ("passed_on", &self.passed_on),
            ("handler_panics", &self.handler_panics),
            ("moved_in", &self.moved_in),
            ("moved_away", &self.moved_away),
        ];
        let closes = CloseReason::ALL.into_iter().map(CloseReason::name);
        named.into_iter().chain(closes.zip(&self.closes))
    }

    /// Every count that is not zero, by its name.
    pub(crate) fn to_row(&self) -> Row {
        let counted = self.named().map(|(name, count)| (name.to_owned(), count.read()));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// The counts of a row; those that are not known here are left out.
    pub(crate) fn of_row(row: &Row) -> Self {
        let counters = Self::default();
        for (name, count) in counters.named() {
            count.add(row.get(name).copied().unwrap_or(0));
        }
        counters
    }

    fn closes(&self) -> BTreeMap<String, u64> {
        let counted = CloseReason::ALL.iter().map(|reason| (*reason, self.closes[*reason as usize].read()));
        counted
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| (reason.name().to_owned(), count))
            .collect()
    }

    pub(crate) fn core_status(&self, core: usize, cpu: Option<usize>) -> CoreStatus {
        let (accepted, closed) = (self.accepted.read(), self.closed.read());
        let (passed_in, passed_on) = (self.passed_in.read(), self.passed_on.read());
        let (moved_in, moved_away) = (self.moved_in.read(), self.moved_away.read());
        CoreStatus {
            core,
            cpu,
            connections: (accepted + passed_in + moved_in).saturating_sub(closed + passed_on + moved_away),
            connections_accepted: accepted,
            requests: self.requests.read(),
            received_bytes: self.received_bytes.read(),
            sent_bytes: self.sent_bytes.read(),
            handler_ms: self.handler_ns.read() as f64 / 1e6,
            in_handler: false,
            wake_ups: self.wake_ups.read(),
            connection_relays: self.connection_relays.read(),
            core_relays: self.core_relays.read(),
            false_core_relays: 0,
            core_stalled_ms: 0,
            busy: 0.0,
            connections_passed_in: passed_in,
            connections_passed_on: passed_on,
            handler_panics: self.handler_panics.read(),
            connections_moved_in: moved_in,
            connections_moved_away: moved_away,
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
    /// The process that answers.
    #[serde(default)]
    pub pid: u32,
    /// How many processes have served before this one, each replaced by the next in an upgrade. Counters go on from theirs.
    #[serde(default)]
    pub upgrades: u64,
    /// Seconds since this process began to serve.
    pub uptime_s: f64,
    /// Open connections in all, those on service threads included.
    pub connections: u64,
    /// Bytes that connections keep at present: gathered bodies, input that waits, answers that their peers have not taken. See
    /// [`Limits::max_buffered_bytes`](crate::config::Limits::max_buffered_bytes).
    #[serde(default)]
    pub buffered_bytes: u64,
    /// The most that they may be.
    #[serde(default)]
    pub buffered_bytes_max: u64,
    /// Times that memory was given back to the operating system, after connections had kept much and for two seconds no more
    /// than a quarter of it.
    #[serde(default)]
    pub memory_given_back: u64,
    /// New connections and requests that were refused by a limit, by its name.
    pub refused: BTreeMap<String, u64>,
    /// Requests that were refused under overload, by cause: `late` had waited for longer than the target, `crowded` would have
    /// needed a service thread that had no processor.
    #[serde(default)]
    pub shed: BTreeMap<String, u64>,
    /// Times accepting paused for want of file descriptors.
    pub accept_pauses: u64,
    /// Each core; on [`Engine::Threads`](crate::config::Engine::Threads) each listener with its threads, on
    /// [`Engine::Pool`](crate::config::Engine::Pool) each worker.
    pub cores: Vec<CoreStatus>,
    /// The service threads together.
    pub service: ServiceStatus,
    /// Patterns of the routes that were learnt to keep their cores waiting: their requests go to service threads.
    #[serde(default)]
    pub learnt_routes: Vec<String>,
}

impl Status {
    pub(crate) fn not_serving() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            engine: "cores".to_owned(),
            phase: Phase::Serving,
            ready: false,
            pid: std::process::id(),
            upgrades: 0,
            uptime_s: 0.0,
            connections: 0,
            buffered_bytes: 0,
            buffered_bytes_max: 0,
            memory_given_back: 0,
            refused: BTreeMap::new(),
            shed: BTreeMap::new(),
            accept_pauses: 0,
            cores: Vec::new(),
            service: ServiceStatus::default(),
            learnt_routes: Vec::new(),
        }
    }
}

/// One core.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CoreStatus {
    /// Its number, from 0.
    pub core: usize,
    /// The processor it is bound to, if it is at present.
    pub cpu: Option<usize>,
    /// Open connections, those away on a service thread included. 0 for the worker of a pool: there they are all workers'.
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
    /// Whether it is in a handler at this moment; of a listener, whether any of its threads runs.
    pub in_handler: bool,
    /// Times its poller returned.
    pub wake_ups: u64,
    /// Connections it relayed to a service thread.
    pub connection_relays: u64,
    /// Times the core itself was relayed to another thread.
    pub core_relays: u64,
    /// Of them, needless: the handler came back within a millisecond after the core was taken from it.
    #[serde(default)]
    pub false_core_relays: u64,
    /// Time the core stood still behind a handler because no thread could be had to take it, in milliseconds.
    #[serde(default)]
    pub core_stalled_ms: u64,
    /// How busy it was in the last tenth of a second: the part of it for which it wanted its processor, from 0 to 1. 0 where
    /// nothing is balanced.
    #[serde(default)]
    pub busy: f64,
    /// Connections other, busier cores passed to it.
    #[serde(default)]
    pub connections_passed_in: u64,
    /// Connections it passed to less busy cores.
    #[serde(default)]
    pub connections_passed_on: u64,
    /// Panics of user code on it: handlers, middleware, iterators and destructors of answers. A handler's is a 500.
    #[serde(default)]
    pub handler_panics: u64,
    /// Connections it took over from the process that this one has replaced.
    #[serde(default)]
    pub connections_moved_in: u64,
    /// Connections it gave to a process that replaces this one.
    #[serde(default)]
    pub connections_moved_away: u64,
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
    /// The most that may be busy at present: less while more of them would only wait for processors.
    #[serde(default)]
    pub threads_limit: u64,
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
    /// Panics of user code on them, as [`CoreStatus::handler_panics`] counts.
    #[serde(default)]
    pub handler_panics: u64,
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
