//! `/status`: what the server does, in JSON, for machines; `corelay status` makes a table of it.

use corelay::http::Json;
use corelay::status::{ServerStatus, Status};

/// `GET /status`.
pub(super) fn status(status: ServerStatus) -> Json<Status> {
    Json(status.read())
}
