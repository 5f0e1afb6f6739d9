//! `corelay load` from outside: the real binary against the real server, and against servers that misbehave. One behaviour a file.
//!
//! Nothing here asserts a time but that it was at least so long: a machine that is busy makes load slower, never less honest.

#[path = "../support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared by test targets, and each uses its own part of it")]
mod support;

mod calls;
mod errors;
mod interrupts;
mod invocation;
mod outputs;
mod peer;
mod real_server;
mod stalls;
