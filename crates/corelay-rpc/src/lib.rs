//! RPCs by the Connect protocol over HTTP/1.1, in plain blocking functions.
//!
//! Connect (<https://connectrpc.com/docs/protocol>) is protobuf, or its canonical JSON, in ordinary requests that curl can
//! make. A service is a trait that `corelay-rpc-build` generates from a `.proto` file, of functions such as
//! `fn draw(&self, ctx: &Context<'_>, request: DrawRequest) -> Result<DrawResponse, Error>`; streams are iterators. Handlers
//! may block: they are routes of the server like any other.
//!
//! - A service: [`Services`] puts what generated code makes on a [`corelay::Router`]; [`Context`] is what a handler sees
//!   besides its message; [`Error`] what it fails with; [`Requests`] and [`Responses`] are streams.
//! - A client: [`Channel`] is where generated clients send to.
//! - The parts that need no connection: [`envelope`], [`get`], [`Codec`], [`Compression`], [`Code`].
//!
//! `examples/rpc-external` is a whole program with its `build.rs`; `docs/rpc.md` says what of the protocol is here.
//!
//! # What is deliberately absent
//!
//! Full duplex, which HTTP/1.1 does not have; gRPC, which needs HTTP/2; TLS, which a proxy in front does.

#![forbid(unsafe_code)]

mod client;
mod code;
mod codec;
mod compression;
mod content;
mod context;
pub mod envelope;
mod error;
mod frames;
pub mod get;
mod limits;
mod nesting;
pub mod registry;
mod room;
mod service;
mod stream;
mod unary;

pub use client::{Channel, Incoming, Reply};
pub use code::Code;
pub use codec::{Codec, Message};
pub use compression::Compression;
pub use context::{Context, Trailers};
pub use error::{Detail, Error};
pub use limits::Limits;
pub use service::{Service, ServiceBuilder, Services};
pub use stream::{Requests, Responses};

// What generated code is made of: a crate that uses it need not name these.
#[doc(hidden)]
pub use {buffa, buffa_types, serde};
