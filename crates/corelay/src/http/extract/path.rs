//! The parameters of the path.

use ::http::StatusCode;
use serde::de::DeserializeOwned;

use super::path_values::{PathDeserializer, PathError};
use super::{FromRequest, Rejection};
use crate::http::request::Request;

/// The parameters of the matched pattern, by serde.
///
/// One parameter makes a single value; several make a tuple in the order of the pattern, or a struct or map
/// by their names. Values are percent-decoded, after the path was matched: an encoded slash stays within its
/// value. A value that does not decode or parse is refused with 400.
///
/// ```
/// use corelay::Router;
/// use corelay::http::{Path, TestClient};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct File {
///     owner: String,
///     name: String,
/// }
///
/// let router = Router::new()
///     .get("/square/{n}", |Path(n): Path<u32>| (n * n).to_string())
///     .get("/add/{a}/{b}", |Path((a, b)): Path<(i64, i64)>| (a + b).to_string())
///     .get("/files/{owner}/{*name}", |Path(file): Path<File>| format!("{}: {}", file.owner, file.name));
/// let client = TestClient::new(router)?;
/// assert_eq!(client.get("/square/12").send().text(), "144");
/// assert_eq!(client.get("/add/2/-3").send().text(), "-1");
/// assert_eq!(client.get("/files/ada/notes/one%20two").send().text(), "ada: notes/one two");
/// assert_eq!(client.get("/square/x").send().text(), "path parameter `n`: expected u32");
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
///
/// A type that asks for another number of parameters than the pattern has is the program's mistake: a logged
/// 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Path<T> {
    type Rejection = Rejection;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Rejection> {
        T::deserialize(PathDeserializer::new(request.params()))
            .map(Self)
            .map_err(|error| refused(error, request.pattern()))
    }
}

#[cold]
fn refused(error: PathError, pattern: &str) -> Rejection {
    match error {
        PathError::Value(message) => Rejection::new(StatusCode::BAD_REQUEST, message),
        PathError::Shape(message) => Rejection::of_program(format!("Path<T> of {pattern:?}: {message}")),
    }
}
