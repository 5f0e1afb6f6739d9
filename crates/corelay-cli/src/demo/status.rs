//! `/status`: what the server does, in JSON, for machines; `corelay status` makes a table of it.

use corelay::http::Json;
use corelay::status::{ServerStatus, Status};
use serde::{Deserialize, Serialize};

use crate::log;

/// What the library counts, and what this program does besides.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DemoStatus {
    #[serde(flatten)]
    pub(crate) server: Status,
    /// Lines of the log that were dropped because its queue was full, or could not be written.
    #[serde(default)]
    pub(crate) log_lines_lost: u64,
}

impl DemoStatus {
    /// With what this program counts by now.
    pub(crate) fn of(server: Status) -> Self {
        Self { server, log_lines_lost: log::lines_lost() }
    }
}

/// `GET /status`.
pub(super) fn status(status: ServerStatus) -> Json<DemoStatus> {
    Json(DemoStatus::of(status.read()))
}
