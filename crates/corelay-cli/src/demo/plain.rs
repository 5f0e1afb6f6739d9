//! `/plaintext` and `/json`: the two answers every server's speed is compared by. Neither allocates.

use corelay::http::Json;
use serde::Serialize;

/// The message both send.
const MESSAGE: &str = "Hello, World!";

/// What `/json` sends.
#[derive(Debug, Serialize)]
pub(super) struct Message {
    message: &'static str,
}

/// `GET /plaintext`: `Hello, World!`.
pub(super) fn plaintext() -> &'static str {
    MESSAGE
}

/// `GET /json`: `{"message":"Hello, World!"}`, serialised for each request.
pub(super) fn json() -> Json<Message> {
    Json(Message { message: MESSAGE })
}
