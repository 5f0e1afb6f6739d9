//! The examples of protocols, each started as a user would start it, on every engine.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod chat;
mod echo;
#[allow(dead_code, reason = "shared by two test targets, and each uses its own part of it")]
mod program;

/// Names of the engines, as the examples take them.
const ENGINES: [&str; 3] = ["cores", "threads", "pool"];
