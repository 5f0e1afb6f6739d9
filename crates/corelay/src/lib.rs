//! Network servers in plain blocking Rust, on one pinned thread per core.
//!
//! A handler is a plain function. Each core has a thread, a poller and connections of its own, and serves a request to
//! its end on the core that read it.
//!
//! ```no_run
//! use corelay::{Router, Server, http::{Json, Path}};
//!
//! fn main() -> corelay::Result<()> {
//!     let app = Router::new()
//!         .get("/", || "Hello, World!")
//!         .get("/square/{n}", |Path(n): Path<u64>| Json(n * n));
//!     Server::bind("127.0.0.1:8080")?.serve(app)
//! }
//! ```
//!
//! Where to look: [`Router`] and [`http`] for handlers, [`protocol`] for what is not HTTP, [`Server`] and [`Config`] for what serves them, [`status`] for
//! what it counts. Deliberately absent: async, TLS (as yet), a client.
#![forbid(unsafe_code)]

mod alarm;
mod books;
mod buffers;
mod clock;
mod concurrency;
pub mod config;
mod connection;
mod core;
mod door;
mod ebb;
mod engine;
mod error;
mod farewell;
mod handle;
pub mod http;
mod listener;
pub mod metrics;
mod peers;
mod placement;
mod pool;
mod pressure;
pub mod protocol;
pub mod proxy;
mod rates;
mod restraint;
mod server;
mod service;
mod shared;
mod slab;
mod stack;
pub mod status;
mod sync;
mod tally;
mod task;
mod threads;
mod upgrade;
mod wheel;

pub use clock::{Clock, SystemClock};
pub use config::Config;
pub use connection::CloseReason;
pub use core::blocking;
pub use error::{Error, Result};
pub use handle::ServerHandle;
pub use http::Router;
pub use server::Server;
pub use stack::stack_bytes;
pub use upgrade::Change;

/// The program of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// So do those of the page on protocols.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/protocols.md")]
struct Protocols;
