//! Why one of corelay's own extractors refused a request.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;

use ::http::StatusCode;

use crate::http::body::BodyError;
use crate::http::into_response::IntoResponse;
use crate::http::response::Response;

/// A refused request: a 4xx with a sentence about what was wrong with it, or a 5xx where the program is at
/// fault.
///
/// A handler that takes `Result<Json<T>, Rejection>` gets to look at it; else it is the answer.
///
/// ```
/// use corelay::Router;
/// use corelay::http::{Json, Rejection, TestClient};
///
/// let router = Router::new().post("/", |body: Result<Json<u32>, Rejection>| match body {
///     Ok(Json(number)) => format!("{number}"),
///     Err(rejection) => format!("no: {}", rejection.status()),
/// });
/// assert_eq!(TestClient::new(router)?.post("/").send().text(), "no: 415 Unsupported Media Type");
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    status: StatusCode,
    message: Cow<'static, str>,
}

impl Rejection {
    /// A refusal of your own extractor's making. The message of a 500 is logged in place of being sent.
    pub fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into() }
    }

    /// The program's fault, not the peer's: a 500.
    #[cold]
    pub(super) fn of_program(message: String) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// The status that is answered.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence that is answered, or logged if the status is 500.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl IntoResponse for Rejection {
    /// The sentence as text. That of a 500 is for the log: it is about the program, not about the request.
    fn into_response(self) -> Response {
        if self.status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(message = %self.message, "an extractor cannot work");
            return Response::internal_error();
        }
        self.message.into_response().status(self.status)
    }
}

impl From<io::Error> for Rejection {
    /// Why a body could not be read.
    fn from(error: io::Error) -> Self {
        match BodyError::of(&error) {
            Some(error) => Self::new(error.status(), error.reason()),
            None => Self::new(StatusCode::BAD_REQUEST, "the body could not be read to its end"),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for Rejection {}
