//! The ten claims, each with the experiment that tries it.

mod accept_spread;
mod blocked_handler;
mod closing;
mod connection_threads;
mod thread_limit;

use std::fmt;

use anyhow::Result;

use super::finding::Evidence;
use super::setup::Setup;

/// A claim, and how it is tried.
pub(super) struct Claim {
    pub(super) number: u8,
    pub(super) said: &'static str,
    /// Who said so.
    pub(super) source: &'static str,
    pub(super) experiment: fn(&Setup) -> Result<Evidence>,
}

impl fmt::Debug for Claim {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Claim")
            .field("number", &self.number)
            .field("said", &self.said)
            .finish_non_exhaustive()
    }
}

/// All of them, in order.
pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        number: 4,
        said: "EPOLLEXCLUSIVE skews sequential accepts: at least 90 % go to one thread. A blocking accept is near-uniform",
        source: "operators of servers whose workers share one listening socket: epoll wakes the waiter it finds first, accept(2) the one that waits longest",
        experiment: accept_spread::evidence,
    },
    Claim {
        number: 6,
        said: "10,000 connections × 5 requests a second on a thread per connection: at most 0.5 GB, kernel stacks and page tables among it",
        source: "“Old box, dumb code, few thousand connections, no big deal”: 50,000 requests a second on a machine of 2011, about 0.5 GB; no latency was published",
        experiment: connection_threads::evidence,
    },
    Claim {
        number: 7,
        said: "2,000 threads in at most 90 MB of resident memory; more of them until a limit is met, which can be named",
        source: "“Old box, dumb code, few thousand connections, no big deal”: 2,000 threads and more in about 90 MB",
        experiment: thread_limit::evidence,
    },
    Claim {
        number: 9,
        said: "SO_LINGER {1, 0} truncates answers that are not read yet; shutdown, then drain, loses nothing and costs a TIME_WAIT socket",
        source: "the “fast servers” pattern sets it on its sockets, and is criticised for it: 2 MB sent, 32 KB received",
        experiment: closing::evidence,
    },
    Claim {
        number: 10,
        said: "A handler that blocks: relaying the core keeps the 99th percentile of the other connections, where every event loop stalls",
        source: "corelay's own, against event loops and worker pools in general",
        experiment: blocked_handler::evidence,
    },
];
