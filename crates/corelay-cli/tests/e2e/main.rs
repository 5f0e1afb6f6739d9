//! The server from outside: the real binary, real sockets, one behaviour a file, every test on every engine.
//!
//! What needs no socket is tested in the crates. What needs a real client, a browser or curl, is in `real_clients.rs`;
//! what needs counting, system calls or memory, is in `budget.rs`.

#[path = "../support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared by three test targets, and each uses its own part of it")]
mod support;

mod aborted_connections;
mod accept_options;
mod addresses;
mod admin;
mod blocking_handlers;
mod body_limits;
mod compare_command;
mod configuration;
mod connection_limits;
mod connection_threads;
mod core_relay;
mod demo_routes;
mod drain;
mod expect_continue;
mod file_limit;
mod half_close;
mod keep_alive;
mod kubernetes;
mod memory_bound;
mod memory_returns;
mod methods;
mod pipelining;
mod proxy_protocol;
mod refusals;
mod request_rates;
mod response_framing;
mod roaming;
mod service_threads;
mod shedding;
mod slow_reader;
mod small_pieces;
mod smuggling;
mod split_requests;
mod status_command;
mod timeouts;
mod unread_bodies;
mod upgrade;
mod upgrade_command;
mod upgrade_failures;
mod upgrade_moving;
mod upgrade_systemd;
mod uploads;
