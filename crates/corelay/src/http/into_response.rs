//! What handlers may return.
//!
//! Static text, static bytes and bare statuses make a [`Response`] without allocating; owned text and bytes
//! hand their buffer over. Absent on purpose: `Option<T>`, whose `None` could be a 404 or a 204 as well as a
//! mistake; `ok_or(StatusCode::NOT_FOUND)` says which.

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error;
use std::io;

use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;

use super::body::BodyError;
use super::response::{Response, ResponseBody};

pub(crate) static TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
static HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
static OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// What can be made into a [`Response`].
///
/// Implemented for text (`text/plain; charset=utf-8`), bytes (`application/octet-stream`), [`StatusCode`]
/// (its name as text where it may have a body), `()` (200 without a body), [`Json`](super::Json),
/// [`Form`](super::Form), [`Html`], [`Redirect`], `Result`, [`io::Error`], boxed errors, and for tuples that
/// put a status, header fields or both in front of another response.
///
/// ```
/// use corelay::http::{HeaderMap, Html, IntoResponse, StatusCode};
///
/// let response = (StatusCode::CREATED, [("location", "/things/7")], "made").into_response();
/// assert_eq!(response.status_code(), 201);
/// assert_eq!(response.field("content-type").unwrap(), "text/plain; charset=utf-8");
///
/// let page = ([("cache-control", "no-store")], Html("<h1>Hello</h1>")).into_response();
/// assert_eq!(page.field("content-type").unwrap(), "text/html; charset=utf-8");
///
/// let failed: Result<&str, StatusCode> = Err(StatusCode::NOT_FOUND);
/// assert_eq!(failed.into_response().status_code(), 404);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a response",
    note = "wrap data in `Json`, or return text, bytes, a `StatusCode`, a `Response` \
            or a tuple of status, fields and one of these"
)]
pub trait IntoResponse {
    /// The response. Never fails: what cannot be sent becomes a logged 500.
    fn into_response(self) -> Response;
}

impl IntoResponse for Response {
    #[inline]
    fn into_response(self) -> Response {
        self
    }
}

impl IntoResponse for &'static str {
    #[inline]
    fn into_response(self) -> Response {
        Response::text(ResponseBody::Static(self.as_bytes()))
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Response {
        Response::text(ResponseBody::Owned(self.into_bytes()))
    }
}

impl IntoResponse for Cow<'static, str> {
    fn into_response(self) -> Response {
        match self {
            Cow::Borrowed(text) => text.into_response(),
            Cow::Owned(text) => text.into_response(),
        }
    }
}

impl IntoResponse for &'static [u8] {
    fn into_response(self) -> Response {
        octets(ResponseBody::Static(self))
    }
}

impl<const N: usize> IntoResponse for &'static [u8; N] {
    fn into_response(self) -> Response {
        self.as_slice().into_response()
    }
}

impl IntoResponse for Vec<u8> {
    fn into_response(self) -> Response {
        octets(ResponseBody::Owned(self))
    }
}

impl IntoResponse for Bytes {
    fn into_response(self) -> Response {
        octets(ResponseBody::Bytes(self))
    }
}

impl IntoResponse for () {
    fn into_response(self) -> Response {
        Response::of(ResponseBody::Empty)
    }
}

impl IntoResponse for Infallible {
    fn into_response(self) -> Response {
        match self {}
    }
}

impl IntoResponse for StatusCode {
    /// The status with its name as text; nothing where a body has no place or would be empty (1xx, 204, 205,
    /// 304, or no name).
    fn into_response(self) -> Response {
        let bodiless = self.is_informational() || matches!(self.as_u16(), 204 | 205 | 304);
        match self.canonical_reason() {
            Some(reason) if !bodiless => reason.into_response().status(self),
            _ => ().into_response().status(self),
        }
    }
}

impl IntoResponse for HeaderMap {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_response(),
        }
    }
}

impl IntoResponse for BodyError {
    fn into_response(self) -> Response {
        self.reason().into_response().status(self.status())
    }
}

impl IntoResponse for io::Error {
    /// The status that [`BodyError`] names if reading the request's body failed, else a logged 500.
    fn into_response(self) -> Response {
        match BodyError::of(&self) {
            Some(error) => error.into_response(),
            None => failed(&self),
        }
    }
}

impl IntoResponse for Box<dyn Error + Send + Sync> {
    /// As the [`io::Error`] or [`BodyError`] inside, else a logged 500: its text is for the log, not for the
    /// peer.
    fn into_response(self) -> Response {
        match self.downcast::<io::Error>() {
            Ok(error) => error.into_response(),
            Err(error) => match error.downcast::<BodyError>() {
                Ok(error) => error.into_response(),
                Err(error) => failed(&*error),
            },
        }
    }
}

impl<T: IntoResponse> IntoResponse for (StatusCode, T) {
    #[inline]
    fn into_response(self) -> Response {
        self.1.into_response().status(self.0)
    }
}

impl<K, V, T, const N: usize> IntoResponse for ([(K, V); N], T)
where
    K: TryInto<HeaderName>,
    V: TryInto<HeaderValue>,
    T: IntoResponse,
{
    fn into_response(self) -> Response {
        let (fields, content) = self;
        fields
            .into_iter()
            .fold(content.into_response(), |response, (name, value)| response.header(name, value))
    }
}

impl<K, V, T, const N: usize> IntoResponse for (StatusCode, [(K, V); N], T)
where
    K: TryInto<HeaderName>,
    V: TryInto<HeaderValue>,
    T: IntoResponse,
{
    fn into_response(self) -> Response {
        let (status, fields, content) = self;
        // The status first: a field that cannot be sent makes it a 500 all the same.
        (fields, (status, content)).into_response()
    }
}

impl<T: IntoResponse> IntoResponse for (HeaderMap, T) {
    fn into_response(self) -> Response {
        let (fields, content) = self;
        let mut response = content.into_response();
        response.headers_mut().extend(fields);
        response
    }
}

impl<T: IntoResponse> IntoResponse for (StatusCode, HeaderMap, T) {
    fn into_response(self) -> Response {
        let (status, fields, content) = self;
        (fields, (status, content)).into_response()
    }
}

/// A page: `text/html; charset=utf-8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Html<T>(pub T);

impl<T: IntoResponse> IntoResponse for Html<T> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.content_type = Some(&HTML);
        if let Some(headers) = &mut response.headers {
            headers.remove(header::CONTENT_TYPE);
        }
        response
    }
}

/// Sends the peer to another place (RFC 9110, section 15.4).
///
/// ```
/// use corelay::http::{IntoResponse, Redirect};
///
/// let response = Redirect::to("/login").into_response();
/// assert_eq!(response.status_code(), 303);
/// assert_eq!(response.field("location").unwrap(), "/login");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    status: StatusCode,
    location: String,
}

impl Redirect {
    /// 303 See Other: the peer is to GET that place, whatever it did here.
    pub fn to(location: impl Into<String>) -> Self {
        Self { status: StatusCode::SEE_OTHER, location: location.into() }
    }

    /// 307 Temporary Redirect: the same request again, there.
    pub fn temporary(location: impl Into<String>) -> Self {
        Self { status: StatusCode::TEMPORARY_REDIRECT, location: location.into() }
    }

    /// 308 Permanent Redirect: the same request, there, from now on.
    pub fn permanent(location: impl Into<String>) -> Self {
        Self { status: StatusCode::PERMANENT_REDIRECT, location: location.into() }
    }
}

impl IntoResponse for Redirect {
    fn into_response(self) -> Response {
        ().into_response().status(self.status).header(header::LOCATION, self.location)
    }
}

#[inline]
fn octets(body: ResponseBody) -> Response {
    Response { content_type: Some(&OCTETS), ..Response::of(body) }
}

#[cold]
fn failed(error: &(dyn Error + 'static)) -> Response {
    tracing::error!(error, "a handler failed");
    Response::internal_error()
}
