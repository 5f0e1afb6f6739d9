//! JSON (RFC 8259), in and out.

use ::http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::{FromRequest, Rejection, media_type};
use crate::http::buffer;
use crate::http::handler::BodyUse;
use crate::http::into_response::IntoResponse;
use crate::http::request::Request;
use crate::http::response::{Response, ResponseBody};

static JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A body of JSON, as a parameter and as a response.
///
/// Refused: a content type other than `application/json` or `application/…+json` with 415, what is not JSON
/// with 400, JSON that does not fit `T` with 422. A response is serialised into a buffer that its thread uses
/// again and again; one that fails to serialise becomes a logged 500.
///
/// ```
/// use corelay::Router;
/// use corelay::http::{Json, TestClient};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, Serialize)]
/// struct Point {
///     x: i32,
///     y: i32,
/// }
///
/// let mirror = |Json(point): Json<Point>| Json(Point { x: point.y, y: point.x });
/// let router = Router::new().post("/mirror", mirror);
/// let client = TestClient::new(router)?;
/// assert_eq!(client.post("/mirror").json(&Point { x: 1, y: 2 }).send().text(), r#"{"x":2,"y":1}"#);
/// assert_eq!(client.post("/mirror").json(&"no point").send().status(), 422);
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Json<T> {
    type Rejection = Rejection;

    const BODY: BodyUse = BodyUse::Whole { limit: None };

    fn from_request(request: &mut Request<'_>) -> Result<Self, Rejection> {
        if !media_type(request).is_some_and(is_json) {
            let message = "expected JSON with content-type: application/json";
            return Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        let body = request.take_whole()?;
        serde_json::from_slice(body.as_slice()).map(Self).map_err(|error| refused(&error))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut out = buffer::take();
        match serde_json::to_writer(&mut out, &self.0) {
            Ok(()) => Response { content_type: Some(&JSON), ..Response::of(ResponseBody::Owned(out)) },
            Err(error) => {
                tracing::error!(%error, "a response does not serialise to JSON");
                Response::internal_error()
            }
        }
    }
}

/// `application/json`, or another type with JSON's syntax (RFC 6839, section 3.1).
fn is_json(media_type: &str) -> bool {
    let Some((kind, subtype)) = media_type.split_once('/') else {
        return false;
    };
    let suffix = subtype.rsplit_once('+').map_or(subtype, |(_, suffix)| suffix);
    kind.eq_ignore_ascii_case("application") && suffix.eq_ignore_ascii_case("json")
}

#[cold]
fn refused(error: &serde_json::Error) -> Rejection {
    let status = match error.classify() {
        Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
        Category::Syntax | Category::Eof | Category::Io => StatusCode::BAD_REQUEST,
    };
    Rejection::new(status, format!("JSON: {error}"))
}
