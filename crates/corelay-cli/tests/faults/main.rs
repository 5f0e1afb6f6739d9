//! Faults and enemies: what can go wrong around a server, and what can be done to it, on each engine, over real sockets.
//!
//! Each test tells four things: what the client sees, which counter moves, that others are served meanwhile
//! ([`Neighbour`]), and that nothing is kept ([`Holdings`]). `docs/reliability.md` is the table of it.
//!
//! Some need root for namespaces of their own (a full disk, a bad link). Nothing outside these is touched.

#[path = "../support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared by four test targets, and each uses its own part of it")]
mod support;

mod counters;
mod holdings;
mod limits;
mod link;
mod neighbour;

mod allocating_handlers;
mod bad_links;
mod body_memory_refused;
mod buffers_exhausted;
mod descriptors_exhausted;
mod endless_chunks;
mod endless_heads;
mod floods;
mod full_disk;
mod hanging_handlers;
mod one_byte_segments;
mod panicking_handlers;
mod pipelining_unread;
mod slow_bodies;
mod slow_heads;
mod slow_reads;
mod stopped_process;
mod threads_refused;

use std::time::Instant;

use counters::Counters;
use holdings::Holdings;
use neighbour::Neighbour;
use support::{Engine, PATIENCE, Server};

/// Makes a `#[test]` of each named `fn(Engine)` for each engine. Ways to accept make no difference to these.
#[macro_export]
macro_rules! on_three_engines {
    ($($test:ident),+ $(,)?) => {
        $crate::on_engines!(($($test),+) cores: CORES_PER_CORE, threads: THREADS, pool: POOL);
    };
}

/// Threads that wait for work soon end, so that what is kept can be told from what is lost.
const FLAGS: [&str; 5] = ["--fault-routes", "--service-idle-timeout", "200ms", "--max-idle-threads", "1"];

fn start(engine: Engine, flags: &[&str]) -> Server {
    Server::start(engine, &[&FLAGS, flags].concat())
}

/// Waits for `condition`, which asks the server or the kernel.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "still not: {what}");
    }
}

/// Runs a round of mischief twice. The first may leave what is made once and kept; the second must leave nothing more.
fn twice(neighbour: &mut Neighbour<'_>, mut round: impl FnMut(&mut Neighbour<'_>)) {
    let start = Holdings::at_rest(neighbour);
    round(neighbour);
    start.wait_for_files_and_threads(neighbour);
    let first = Holdings::at_rest(neighbour);
    round(neighbour);
    start.wait_for_files_and_threads(neighbour);
    first.assert_memory_is_not_more(neighbour);
}
