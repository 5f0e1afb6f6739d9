//! What the processes of one load say to each other: lines, each a word or JSON.
//!
//! ```text
//! corelay load                           corelay load-driver
//!   its part of the plan       ─▶
//!                                ◀─      progress, while it opens its connections
//!                                ◀─      opened
//!   go, when all have opened   ─▶
//!                                ◀─      progress, ten times a second
//!   stop, if it is interrupted ─▶        (the end of the input says so too)
//!                                ◀─      report, or failed
//! ```

use corelay_load::{Progress, Report};
use serde::{Deserialize, Serialize};

/// From a driver.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Said {
    Progress(Progress),
    Opened,
    Report(Box<Report>),
    Failed(String),
}

/// To a driver.
pub(super) const GO: &str = "go";
pub(super) const STOP: &str = "stop";
