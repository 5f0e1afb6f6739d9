//! Plain functions around handlers.
//!
//! A middleware gets the request and the rest of the way, [`Next`]; it may answer by itself, change the
//! request before and the response after. Routes without middleware pay one branch. Deliberately absent: a
//! `Layer` that makes a `Service`: a closure that captures its configuration does the same.

use std::sync::Arc;

use super::handler::Call;
use super::into_response::IntoResponse;
use super::request::Request;
use super::response::Response;

/// A function around handlers: `Fn(&mut Request<'_>, Next<'_>) -> impl IntoResponse`.
///
/// Extractors run inside: their rejections are responses that a middleware sees. A panic is not: it unwinds
/// through and is answered outside all of them.
///
/// ```
/// use corelay::Router;
/// use corelay::http::{IntoResponse, Next, Request, Response, StatusCode, TestClient};
///
/// fn only_with_key(request: &mut Request<'_>, next: Next<'_>) -> Response {
///     if request.field("x-key") != Some(b"secret") {
///         return StatusCode::UNAUTHORIZED.into_response();
///     }
///     next.run(request).header("x-checked", "yes")
/// }
///
/// let router = Router::new().get("/inside", || "in").layer(only_with_key).get("/outside", || "out");
/// let client = TestClient::new(router)?;
/// assert_eq!(client.get("/inside").send().status(), 401);
/// assert_eq!(client.get("/inside").header("X-Key", "secret").send().text(), "in");
/// assert_eq!(client.get("/outside").send().text(), "out");
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
pub trait Middleware: Send + Sync + 'static {
    /// Answers `request`, usually with what `next` answers.
    fn handle(&self, request: &mut Request<'_>, next: Next<'_>) -> Response;
}

impl<F, R> Middleware for F
where
    F: Fn(&mut Request<'_>, Next<'_>) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    fn handle(&self, request: &mut Request<'_>, next: Next<'_>) -> Response {
        self(request, next).into_response()
    }
}

/// The rest of the way to the handler.
pub struct Next<'a> {
    layers: &'a [Arc<dyn Middleware>],
    handler: &'a dyn Call,
}

impl<'a> Next<'a> {
    /// `layers` from the outermost to the innermost.
    #[inline]
    pub(crate) fn new(layers: &'a [Arc<dyn Middleware>], handler: &'a dyn Call) -> Self {
        Self { layers, handler }
    }

    /// Goes on to the next middleware, or to the handler.
    #[inline]
    pub fn run(self, request: &mut Request<'_>) -> Response {
        match self.layers {
            [] => {
                let mut response = Response::empty();
                self.handler.call(request, &mut response);
                response
            }
            [next, inner @ ..] => next.handle(request, Next::new(inner, self.handler)),
        }
    }
}

impl std::fmt::Debug for Next<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Next").field("layers", &self.layers.len()).finish_non_exhaustive()
    }
}
