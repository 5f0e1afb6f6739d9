//! `examples/kv.rs` over sockets, on the three engines and with both ways to reach a shard of another core.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod connections;
mod limits;
mod pipelines;
mod server;
