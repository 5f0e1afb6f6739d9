//! The query of the request target.

use ::http::StatusCode;
use serde::de::DeserializeOwned;

use super::{FromRequest, Rejection};
use crate::http::request::Request;

/// The query, by serde: a struct, a map, or a list of pairs.
///
/// Percent-encoding and `+` are decoded; a repeated key fills a list; no query is an empty one. A query that
/// does not fit `T` is refused with 400.
///
/// ```
/// use corelay::Router;
/// use corelay::http::{Query, TestClient};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Search {
///     q: String,
///     #[serde(default)]
///     tag: Vec<String>,
///     page: Option<u32>,
/// }
///
/// fn search(Query(search): Query<Search>) -> String {
///     format!("{} {:?} {}", search.q, search.tag, search.page.unwrap_or(1))
/// }
///
/// let client = TestClient::new(Router::new().get("/search", search))?;
/// assert_eq!(client.get("/search?q=a+b&tag=x&tag=%C3%A9").send().text(), r#"a b ["x", "é"] 1"#);
/// assert_eq!(client.get("/search?q=a&page=two").send().status(), 400);
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Rejection = Rejection;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Rejection> {
        parse_query(request).map(Self)
    }
}

pub(super) fn parse_query<T: DeserializeOwned>(request: &Request<'_>) -> Result<T, Rejection> {
    serde_html_form::from_str(request.query().unwrap_or_default())
        .map_err(|error| Rejection::new(StatusCode::BAD_REQUEST, format!("query: {error}")))
}
