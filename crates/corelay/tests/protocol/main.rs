//! Protocols of a user's, over real sockets on every engine, one behaviour a file.
//!
//! The cases are run on each engine in turn by [`support::on_every_engine`]; what only cores have says so.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

mod blocking;
mod codecs;
mod deadlines;
mod drain;
mod half_close;
mod limits;
mod mail;
mod panics;
mod pipelining;
mod posts;
mod proxies;
mod resets;
mod slow_readers;
mod splits;
mod support;
mod upgrades;
