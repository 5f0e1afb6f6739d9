//! A plain blocking client: generated clients send through a [`Channel`].
//!
//! ```text
//!   generated client ─▶ channel.rs  one call, any kind ─▶ connection.rs  bytes out, a head in ─▶ answer.rs  a body, read
//! ```
//!
//! One thread, one call: no pool of threads, no queue. Connections that were answered in full are kept for the next call.

mod answer;
mod channel;
mod connection;
mod incoming;

pub use channel::{Channel, Reply};
pub use incoming::Incoming;
