//! An upgrade: a new process takes the place of this one, and the connections move there. `docs/upgrade.md` tells what a client
//! can see of it.
//!
//! ```text
//!   old process                                        new process, started by the old one
//!   ───────────                                        ──────────────────────────────────
//!   starts it, a socket pair as its stdin ───────────▶ reads its configuration
//!   Hello: where this process listens ───────────────▶ takes what it listens on too, binds the rest
//!        (goes on untouched until here)     ◀───────── Ready: which addresses, which kinds of connections
//!   Listener, Go: the listening sockets ─────────────▶ starts its threads, lets in who comes
//!   shuts its doors                         ◀───────── Listening
//!   ┌ Move: some connections, with their sockets ────▶ keeps them, touches nothing
//!   │   keeps its copies                    ◀───────── Have: which of them
//!   │ Commit ────────────────────────────────────────▶ serves them
//!   └ closes its copies; the next ones
//!   Counts, Goodbye: it holds nothing any more ──────▶ is alone
//!   ends
//! ```
//!
//! A connection has one owner throughout. Before `Commit` it is the old process's, which takes it back if the new one dies:
//! when its pidfd says so, and not before. After `Commit` it is the new one's. If the old process dies instead, the new one
//! serves what it has, for nobody else can.
//!
//! Nothing that serves waits for any of this. On both sides a thread of its own speaks, encodes and decodes ([`successor`] in
//! the old process, [`predecessor`] in the new one); it asks the engine for a few connections at a time, and gives it a few.
//!
//! Deliberately absent: moving a request that is in a handler (it finishes where it is, and its connection follows), moving
//! what is no longer HTTP, going back to the old process once it has ended.

mod channel;
mod message;
mod predecessor;
mod program;
mod successor;
mod supervision;

pub(crate) use message::{Counts, Listened};
pub(crate) use predecessor::{Arrivals, Lead, Predecessor, carry_over};
pub(crate) use program::Program;
pub(crate) use successor::{Outcome, Passed};
pub(crate) use supervision::{ToCome, Upgrades};

use successor::{Handover, Order};

use crate::connection::{CloseReason, Connection, Kinds};
use crate::http::panics::caught;
use crate::shared::Shared;
use crate::status::Counters;
use crate::sync::lock;
use corelay_poll::Waker;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Set for the new process, to the id of the old one. With it, its standard input is the socket to the old one.
const VARIABLE: &str = "CORELAY_PREDECESSOR";

/// What happens to a server, as [`Server::on_change`](crate::Server::on_change) is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// It serves. Not told by a process that replaces another: that one says [`Change::TookOver`].
    Serving,
    /// It has started a process that is to replace it.
    Upgrading,
    /// That process serves, and connections move there.
    Moving {
        /// The process that is to serve alone.
        to: u32,
    },
    /// It did not come to that, or not to its end: this process goes on as it was.
    NotUpgraded {
        /// Why, for people.
        reason: String,
    },
    /// The other process serves. This one holds nothing any more but what it could not finish in time, and ends.
    Upgraded {
        /// The process that serves now.
        by: u32,
    },
    /// This process has replaced another one.
    TookOver {
        /// The process that served before.
        from: u32,
    },
    /// It drains.
    Draining,
}

/// Who is told of each [`Change`].
pub(crate) type OnChange = Arc<dyn Fn(Change) + Send + Sync>;

/// What the threads of an engine know of an upgrade.
#[derive(Default)]
pub(crate) struct Upgrading {
    leaving: Mutex<Leaving>,
    on: AtomicBool,
    kinds: AtomicU32,
    /// Processes before this one.
    before: AtomicU64,
    /// Connections of the process before this one are still to come.
    arriving: AtomicBool,
}

/// A connection has come to a server that drains: what there is to count of its end.
pub(crate) fn turn_away(connection: Connection, server: &Shared) -> Counters {
    let counters = Counters::default();
    counters.moved_in.add(1);
    counters.count_close(CloseReason::Drain);
    server.occupancy.leave(connection.peer);
    // A body may have an owner of the user's making, whose drop may panic.
    let _ = caught(|| drop(connection));
    counters
}

/// Connections on their way to who passes them on.
#[derive(Default)]
struct Leaving {
    queue: Vec<Connection>,
    /// Wakes who passes them on, if there is somebody.
    bell: Option<Arc<Waker>>,
}

impl Upgrading {
    /// From here on connections may leave that are of these kinds.
    fn begin(&self, kinds: Kinds, bell: Arc<Waker>) {
        self.kinds.store(kinds.bits(), Ordering::Relaxed);
        lock(&self.leaving).bell = Some(bell);
        self.on.store(true, Ordering::Release);
    }

    /// No more may; those that were on their way.
    fn end(&self) -> Vec<Connection> {
        self.on.store(false, Ordering::Release);
        let mut leaving = lock(&self.leaving);
        leaving.bell = None;
        std::mem::take(&mut leaving.queue)
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    /// What may leave at present.
    pub(crate) fn kinds(&self) -> Kinds {
        if self.is_on() { Kinds::from_bits(self.kinds.load(Ordering::Relaxed)) } else { Kinds::NONE }
    }

    /// Gives connections away that are in no poller any more. Given back: none may leave.
    pub(crate) fn leave(&self, mut connections: Vec<Connection>) -> Vec<Connection> {
        if connections.is_empty() {
            return connections;
        }
        connections.iter_mut().for_each(Connection::leaves);
        let bell = {
            let mut leaving = lock(&self.leaving);
            let Some(bell) = leaving.bell.clone() else { return connections };
            let first = leaving.queue.is_empty();
            leaving.queue.extend(connections);
            first.then_some(bell)
        };
        if let Some(bell) = bell
            && let Err(error) = bell.wake()
        {
            tracing::error!(%error, "the thread of the upgrade could not be woken");
        }
        Vec::new()
    }

    /// Up to `most` of those that have left.
    fn take(&self, most: usize) -> Vec<Connection> {
        let mut leaving = lock(&self.leaving);
        let count = leaving.queue.len().min(most);
        leaving.queue.drain(..count).collect()
    }

    /// How many processes have served before this one.
    pub(crate) fn before(&self) -> u64 {
        self.before.load(Ordering::Relaxed)
    }

    fn arrives(&self, arriving: bool) {
        self.arriving.store(arriving, Ordering::Release);
    }

    fn is_arriving(&self) -> bool {
        self.arriving.load(Ordering::Acquire)
    }

    pub(crate) fn comes_after(&self, before: u64) {
        self.before.store(before, Ordering::Relaxed);
    }
}
