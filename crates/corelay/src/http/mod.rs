//! Handlers: from a parsed request to a response, in plain functions.
//!
//! A [`Router`] maps paths and methods to handlers; a handler is a closure or function whose parameters are
//! [extractors](FromRequest) and whose result [is a response](IntoResponse). Nothing here is async and
//! nothing here touches a socket: the engine hands in a parsed head and a body, and takes a [`Response`]
//! away. The same code therefore runs on every engine and under the in-process [`TestClient`].
//!
//! ```
//! use corelay::Router;
//! use corelay::http::{Json, Path, State, TestClient};
//!
//! struct Greeting(&'static str);
//!
//! let router = Router::new()
//!     .get("/", || "Hello, World!")
//!     .get("/greet/{name}", |Path(name): Path<String>, State(greeting): State<Greeting>| {
//!         format!("{} {name}", greeting.0)
//!     })
//!     .post("/sum", |Json(numbers): Json<Vec<u64>>| Json(numbers.iter().sum::<u64>()))
//!     .state(Greeting("Good morning,"));
//!
//! let client = TestClient::new(router)?;
//! assert_eq!(client.get("/").send().text(), "Hello, World!");
//! assert_eq!(client.get("/greet/Ada").send().text(), "Good morning, Ada");
//! assert_eq!(client.post("/sum").json(&[1, 2, 3]).send().text(), "6");
//! assert_eq!(client.get("/sum").send().status(), 405);
//! # Ok::<(), corelay::http::RouteError>(())
//! ```
//!
//! The types at the edge are those of the [`http`](https://docs.rs/http) crate, exported here. Deliberately
//! absent: async handlers, a `Service` trait, per-router generics. Application state is looked up by type and
//! checked once, when the router is [finished](Router::finish).

mod app;
mod assembly;
mod body;
pub(crate) mod buffer;
mod endpoint;
mod extract;
mod gathering;
mod habit;
mod handler;
mod into_response;
mod middleware;
pub(crate) mod panics;
mod params;
mod request;
mod response;
mod route_error;
mod router;
mod state;
mod static_paths;
mod test_client;
mod test_exchange;
mod test_response;
mod upgrade;

pub use ::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};

pub use app::App;
pub use body::{Body, BodyError};
pub use extract::{
    Extension, Form, FromRequest, Headers, Json, MatchedPattern, Path, Peer, Query, Rejection, State,
};
pub use handler::{BodyUse, EndpointBuilder, Handler, Placement, Profile, endpoint};
pub use into_response::{Html, IntoResponse, Redirect};
pub use middleware::{Middleware, Next};
pub use params::Params;
pub use request::Request;
pub use response::Response;
pub use route_error::RouteError;
pub use router::Router;
pub use test_client::{PreparedRequest, TestClient, TestRequest};
pub use test_response::TestResponse;
pub use upgrade::{ReadWrite, Upgraded};

pub(crate) use self::{
    assembly::fixed,
    body::BodySource,
    endpoint::Endpoint,
    gathering::Gathering,
    request::RequestBody,
    response::{BodyWriter, ResponseBody},
};
