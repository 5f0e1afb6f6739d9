//! What the benchmark's servers and client share: arguments, the response to send, a handler's work, the limit on open files.
//!
//! The programs themselves are the binaries of this crate: `floor`, the frozen floor server; `peer-hyper`,
//! `peer-actix`, `peer-axum` and `peer-may`, the peers that are libraries; `idle-client`, which holds idle connections, and
//! `slow-client`, which holds slow streams; `rpc-corelay`, `rpc-tonic` and `rpc-connectrpc`, which are called. `peers/` has those in other languages.
//! `cargo xtask bench` builds, pins and measures them; README.md tells the method.
//!
//! Deliberately absent: anything measured, but for the work of [`spin`] and [`draw`], which is the same for all on purpose. A server's hot
//! path is in its own binary, whole, so that it can be read there and nothing here can slow one server and not another.

#![forbid(unsafe_code)]

pub mod arguments;
pub mod draw;
pub mod open_files;
pub mod response;
pub mod spin;
