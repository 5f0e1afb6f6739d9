//! What handlers take: values made from a request.

mod rejection;
mod state;

pub use rejection::Rejection;
pub use state::State;

use std::convert::Infallible;

use super::body::Body;
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
    note = "parameters are extractors: `Path<T>`, `Query<T>`, `Json<T>`, `State<T>`, `Body`, `String`, … or a type of yours that \
            implements `FromRequest`"
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

    /// Notes what the engine and [`Router::finish`](super::Router::finish) should know. An extractor that runs others
    /// passes this on to them.
    fn describe(profile: &mut Profile) {
        profile.uses_body(Self::BODY);
    }
}

impl FromRequest for Body {
    type Rejection = Infallible;

    const BODY: BodyUse = BodyUse::Stream;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Infallible> {
        Ok(request.take_body())
    }
}
