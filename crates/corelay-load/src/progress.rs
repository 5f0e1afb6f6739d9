//! What a run has done so far, for who watches it.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A run at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// For how long it has been measuring.
    pub measured: Duration,
    /// Connections opened before the run.
    pub opened: u64,
    /// Requests with the answer they asked for, after the warm-up.
    pub answered: u64,
    /// The others, after the warm-up.
    pub failed: u64,
}

/// Parts of a run, in their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    /// Connections are being opened.
    #[default]
    Opening,
    /// Load that is not counted.
    WarmUp,
    /// What is reported.
    Measuring,
    /// Waiting for answers that are still out.
    Draining,
}

impl Progress {
    /// The same of several processes together: the least advanced says where the run is.
    pub fn add(&mut self, other: &Self) {
        self.stage = self.stage.min(other.stage);
        self.measured = self.measured.min(other.measured);
        self.opened += other.opened;
        self.answered += other.answered;
        self.failed += other.failed;
    }
}
