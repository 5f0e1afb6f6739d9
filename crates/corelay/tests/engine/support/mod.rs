//! A server in this process, a client that sees every byte, and a place where handler and test meet.

mod client;
mod clock;
mod gates;
mod meeting;
mod panics;
mod serving;

pub(crate) use client::{Answer, Client, End};
pub(crate) use clock::StillClock;
pub(crate) use gates::Gates;
pub(crate) use meeting::{Guest, Host, meeting};
pub(crate) use panics::expect_panics;
pub(crate) use serving::{Serving, one_core};

use std::time::{Duration, Instant};

/// How long a machine may take over something that must happen. Only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for `condition`, of a thing that cannot be waited for otherwise: the counters of a server.
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "still not: {what}");
        std::thread::yield_now();
    }
}
