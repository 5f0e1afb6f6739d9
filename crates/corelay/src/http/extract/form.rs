//! HTML forms: `application/x-www-form-urlencoded`.

use ::http::{HeaderValue, StatusCode};
use corelay_http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::query::parse_query;
use super::{FromRequest, Rejection, media_type};
use crate::http::handler::BodyUse;
use crate::http::into_response::IntoResponse;
use crate::http::request::Request;
use crate::http::response::{Response, ResponseBody};

const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";
static FORM: HeaderValue = HeaderValue::from_static(MEDIA_TYPE);

/// A submitted form: from the query of `GET` and `HEAD`, from the body of other methods. As a response, the
/// same encoding.
///
/// A repeated key fills a list. Refused: another content type with 415, a form that does not fit `T` with 422
/// (400 from a query).
///
/// ```
/// use corelay::Router;
/// use corelay::http::{Form, TestClient};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Order {
///     name: String,
///     count: u32,
/// }
///
/// let order = |Form(order): Form<Order>| format!("{} × {}", order.count, order.name);
/// let router = Router::new().post("/order", order);
/// let client = TestClient::new(router)?;
/// assert_eq!(client.post("/order").form(&[("name", "tea"), ("count", "2")]).send().text(), "2 × tea");
/// assert_eq!(client.post("/order").form(&[("name", "tea")]).send().status(), 422);
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Form<T> {
    type Rejection = Rejection;

    const BODY: BodyUse = BodyUse::Whole { limit: None };

    fn from_request(request: &mut Request<'_>) -> Result<Self, Rejection> {
        if matches!(request.head().method(), Method::Get | Method::Head) {
            return parse_query(request).map(Self);
        }
        if !media_type(request).is_some_and(|given| given.eq_ignore_ascii_case(MEDIA_TYPE)) {
            let message = "expected a form with content-type: application/x-www-form-urlencoded";
            return Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        let body = request.take_whole()?;
        serde_html_form::from_bytes(body.as_slice())
            .map(Self)
            .map_err(|error| Rejection::new(StatusCode::UNPROCESSABLE_ENTITY, format!("form: {error}")))
    }
}

impl<T: Serialize> IntoResponse for Form<T> {
    fn into_response(self) -> Response {
        match serde_html_form::to_string(&self.0) {
            Ok(text) => {
                let body = ResponseBody::Owned(text.into_bytes());
                Response { content_type: Some(&FORM), ..Response::of(body) }
            }
            Err(error) => {
                tracing::error!(%error, "a response does not serialise to a form");
                Response::internal_error()
            }
        }
    }
}
