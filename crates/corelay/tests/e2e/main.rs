//! Examples that need a program from elsewhere, which `cargo xtask test` installs before it runs the targets of this name.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod kv_redis;
#[path = "../kv/server.rs"]
mod kv_server;
mod notes;
mod postgres_example;
