//! What holds on every engine, on `threads`: the tests of `engine` that ask for nothing that only cores have.
//!
//! `docs/engines.md` says in what the engines differ.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

#[path = "../engine/broken_answers.rs"]
mod broken_answers;
#[path = "../engine/clock_jumps.rs"]
mod clock_jumps;
#[path = "../engine/expectations.rs"]
mod expectations;
#[path = "../engine/full_duplex.rs"]
mod full_duplex;
#[path = "../engine/kept_bodies.rs"]
mod kept_bodies;
#[path = "../engine/last_answers.rs"]
mod last_answers;
#[path = "../engine/panics_in_destructors.rs"]
mod panics_in_destructors;
#[path = "../engine/slow_readers.rs"]
mod slow_readers;
#[path = "../engine/states.rs"]
mod states;
#[path = "../engine/streamed_answers.rs"]
mod streamed_answers;
#[path = "../engine/streamed_requests.rs"]
mod streamed_requests;
#[path = "../engine/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared by three test targets, and each uses its own part of it")]
mod support;
#[path = "../engine/unix_sockets.rs"]
mod unix_sockets;
#[path = "../engine/unread_bodies.rs"]
mod unread_bodies;
#[path = "../engine/upgrades.rs"]
mod upgrades;

/// The engine under test.
const ENGINE: corelay::config::Engine = corelay::config::Engine::Threads;
