//! From `.proto` files to services and clients for `corelay-rpc`, in a build script and without a system's protoc.
//!
//! protox reads the files, buffa makes the messages, and [`service`](self) makes a trait, a function and a client for each
//! service. The generated code names nothing but `corelay_rpc`: a crate needs no other dependency.
//!
//! ```no_run
//! // build.rs
//! fn main() -> Result<(), corelay_rpc_build::Error> {
//!     corelay_rpc_build::Config::new().file("proto/greet/v1/greet.proto").include("proto").compile()
//! }
//! ```
//!
//! ```text
//! // src/main.rs
//! mod proto {
//!     include!(concat!(env!("OUT_DIR"), "/corelay_rpc.rs"));
//! }
//! use proto::greet::v1::{GreetService, GreetServiceClient, greet_service};
//! ```
//!
//! | in the `.proto` | in Rust |
//! |---|---|
//! | `package greet.v1` | `mod greet { mod v1 { … } }` |
//! | `service GreetService` | `trait GreetService`, `fn greet_service(impl GreetService) -> Service`, `struct GreetServiceClient` |
//! | `rpc SayHello(A) returns (B)` | `fn say_hello(&self, context: &Context<'_>, request: A) -> Result<B, Error>` |
//! | `returns (stream B)` | `-> Result<Responses<B>, Error>`, a boxed iterator |
//! | `(stream A)` | `requests: Requests<A>`, an iterator |
//! | `option idempotency_level = NO_SIDE_EFFECTS` | may be called by GET |
//!
//! Imported files are generated too, but for `google/protobuf/*`, whose messages the library has.

#![forbid(unsafe_code)]

mod config;
mod paths;
mod service;

pub use config::{Config, Error};
