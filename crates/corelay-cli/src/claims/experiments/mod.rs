//! The ten claims, each with the experiment that tries it.

mod accept_spread;
mod accept_thread;
mod blocked_handler;
mod closing;
mod connection_threads;
mod defer_accept;
mod placement;
mod staging;
mod thread_limit;
mod throughput;

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
    /// It closes so many connections that the kernel's table of sockets in TIME_WAIT is full for a minute. Those that count
    /// such sockets come before it.
    pub(super) churns: bool,
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
        number: 1,
        said: "100,000 requests a second and more from a thread that accepts and pinned workers",
        source: "the “fast servers” pattern: 134,619 a second on an 8-core Xeon, 51,310 on a laptop of 2012, wrk with 90 connections",
        experiment: throughput::evidence,
        churns: false,
    },
    Claim {
        number: 2,
        said: "Run-to-completion beats staged hand-over on throughput and on the 99th percentile, keep-alive and with one request a connection",
        source: "critics of the “fast servers” pattern: it resembles SEDA, and moving every request across cores thrashes caches",
        experiment: staging::evidence,
        churns: true,
    },
    Claim {
        number: 3,
        said: "A dedicated accept thread is a cost below some connection churn",
        source: "critics of the “fast servers” pattern: at low churn a core that only accepts is wasted",
        experiment: accept_thread::evidence,
        churns: true,
    },
    Claim {
        number: 4,
        said: "EPOLLEXCLUSIVE skews sequential accepts: at least 90 % go to one thread. A blocking accept is near-uniform",
        source: "operators of servers whose workers share one listening socket: epoll wakes the waiter it finds first, accept(2) the one that waits longest",
        experiment: accept_spread::evidence,
        churns: false,
    },
    Claim {
        number: 5,
        said: "SO_REUSEPORT: with requests of mixed cost the same mean as dispatch and a worse maximum; the less loaded of two random cores recovers it",
        source: "operators of servers with a socket for each worker: the mean stays, the longest latency grows",
        experiment: placement::evidence,
        churns: true,
    },
    Claim {
        number: 6,
        said: "10,000 connections × 5 requests a second on a thread per connection: at most 0.5 GB, kernel stacks and page tables among it",
        source: "“Old box, dumb code, few thousand connections, no big deal”: 50,000 requests a second on a machine of 2011, about 0.5 GB; no latency was published",
        experiment: connection_threads::evidence,
        churns: false,
    },
    Claim {
        number: 7,
        said: "2,000 threads in at most 90 MB of resident memory; more of them until a limit is met, which can be named",
        source: "“Old box, dumb code, few thousand connections, no big deal”: 2,000 threads and more in about 90 MB",
        experiment: thread_limit::evidence,
        churns: false,
    },
    Claim {
        number: 8,
        said: "TCP_DEFER_ACCEPT saves work for a new connection, and hides a silent client for about 7 s at value 5",
        source: "the “fast servers” pattern sets it on its listener",
        experiment: defer_accept::evidence,
        churns: true,
    },
    Claim {
        number: 9,
        said: "SO_LINGER {1, 0} truncates answers that are not read yet; shutdown, then drain, loses nothing and costs a TIME_WAIT socket",
        source: "the “fast servers” pattern sets it on its sockets, and is criticised for it: 2 MB sent, 32 KB received",
        experiment: closing::evidence,
        churns: false,
    },
    Claim {
        number: 10,
        said: "A handler that blocks: relaying the core keeps the 99th percentile of the other connections, where every event loop stalls",
        source: "corelay's own, against event loops and worker pools in general",
        experiment: blocked_handler::evidence,
        churns: false,
    },
];
