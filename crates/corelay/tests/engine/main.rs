//! The engine from inside a program: servers in this process, real sockets, one behaviour a file.
//!
//! Here is what only a user of the library can do: hand in handlers that meet the test through channels, that panic, keep
//! a body, upgrade, hold values with a destructor; inject a clock; drain. What a peer alone can do to a server is tested
//! on the binary, in `corelay-cli/tests/e2e`.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

mod support;

mod blocking_call;
mod blocking_endpoints;
mod broken_answers;
mod clock_jumps;
mod clock_readings;
mod core_relay;
mod core_relay_endings;
mod core_relay_order;
mod core_relay_peers;
mod core_relay_places;
mod drain;
mod expectations;
mod followers;
mod full_duplex;
mod kept_bodies;
mod last_answers;
mod learnt_routes;
mod panics;
mod panics_in_destructors;
mod relay_and_drain;
mod relay_mixed;
mod relay_under_load;
mod service_thread_limit;
mod slow_readers;
mod states;
mod streamed_answers;
mod streamed_requests;
mod unix_sockets;
mod unread_bodies;
mod upgrades;

/// The engine under test; `engine_pool` and `engine_threads` run what holds on theirs.
const ENGINE: corelay::config::Engine = corelay::config::Engine::Cores;
