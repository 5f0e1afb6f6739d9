//! What every end-to-end test is made of: the real binary ([`Server`]), a raw socket with a strict reader of
//! answers ([`Client`]), and the list of engines a test is run on ([`on_every_engine`]).
//!
//! No HTTP library here: a client that forgives would hide what the server gets wrong. No retry and no sleep either;
//! a test waits for the thing it needs (a line, an answer, the end of a connection), and [`PATIENCE`] only bounds how
//! long a broken server can keep it waiting.

mod client;
mod engine;
mod generations;
mod process;
mod scratch;
mod server;
mod trace;

use std::time::Duration;

pub(crate) use client::{Client, Response};
pub(crate) use engine::Engine;
pub(crate) use generations::{Generations, until};
pub(crate) use process::Process;
pub(crate) use scratch::Scratch;
pub(crate) use server::{Finished, Server};
pub(crate) use trace::{Trace, completed_call};

/// How long anything may take before a test gives up. Generous, because a loaded machine is not a broken server.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Whether a handler runs, by what `/status` says, which is to be asked of another thread.
pub(crate) fn has_request_in_hand(status: &serde_json::Value) -> bool {
    let service = |name: &str| status["service"][name].as_u64().expect("a count");
    let cores = status["cores"].as_array().expect("there are cores");
    cores.iter().any(|core| core["in_handler"] == true) || service("threads") > service("standby")
}
