//! What handlers take: values made from a request.
//!
//! One file per kind. Whole-body extractors work on a body that was gathered before the call, which the
//! engine does, and on one that is still coming in, which then blocks. Deliberately absent: a split into
//! "parts" and "body" traits; the order of parameters does not matter, and two that take the body are refused
//! when the router is finished.

mod body;
mod extension;
mod form;
mod json;
mod optional;
mod parts;
mod path;
mod path_values;
mod query;
mod rejection;
mod state;

pub use extension::Extension;
pub use form::Form;
pub use json::Json;
pub use parts::{Headers, MatchedPattern, Peer};
pub use path::Path;
pub use query::Query;
pub use rejection::Rejection;
pub use state::State;

use super::handler::{BodyUse, Profile};
use super::into_response::IntoResponse;
use super::request::Request;

/// A value that can be made from a request, as a parameter of a handler.
///
/// ```
/// use corelay::Router;
/// use corelay::http::{FromRequest, Request, StatusCode, TestClient};
///
/// struct ApiKey(String);
///
/// impl FromRequest for ApiKey {
///     type Rejection = (StatusCode, &'static str);
///
///     fn from_request(request: &mut Request<'_>) -> Result<Self, Self::Rejection> {
///         let key = request.field("x-api-key").ok_or((StatusCode::UNAUTHORIZED, "no x-api-key"))?;
///         Ok(ApiKey(String::from_utf8_lossy(key).into_owned()))
///     }
/// }
///
/// let client = TestClient::new(Router::new().get("/", |key: ApiKey| key.0))?;
/// assert_eq!(client.get("/").header("X-Api-Key", "k7").send().text(), "k7");
/// assert_eq!(client.get("/").send().status(), 401);
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a handler",
    note = "parameters are extractors: `Path<T>`, `Query<T>`, `Json<T>`, `State<T>`, `Body`, `String`, … \
            or a type of yours that implements `FromRequest`"
)]
pub trait FromRequest: Sized {
    /// What is answered when the value cannot be made.
    type Rejection: IntoResponse;

    /// What it does with the body. One that takes the body must say so here, or it will find it empty.
    const BODY: BodyUse = BodyUse::Unused;

    /// Makes the value.
    ///
    /// # Errors
    /// A response that says what about the request was wrong.
    fn from_request(request: &mut Request<'_>) -> Result<Self, Self::Rejection>;

    /// Notes what the engine and [`Router::finish`](super::Router::finish) should know. An extractor that
    /// runs others passes this on to them.
    fn describe(profile: &mut Profile) {
        profile.uses_body(Self::BODY);
    }
}

/// The part of a `Content-Type` before its parameters, if it is text (RFC 9110, section 8.3.1).
fn media_type<'a>(request: &Request<'a>) -> Option<&'a str> {
    let value = std::str::from_utf8(request.field("content-type")?).ok()?;
    value.split(';').next().map(str::trim)
}
