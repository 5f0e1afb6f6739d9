//! What the server has counted, as `/status` shows it.

use serde_json::Value;

/// One reading.
pub(crate) struct Counters(Value);

impl Counters {
    /// From the body of an answer to `/status`.
    pub(crate) fn read(body: &[u8]) -> Self {
        Self(serde_json::from_slice(body).expect("the status is JSON"))
    }

    /// Open connections.
    pub(crate) fn connections(&self) -> u64 {
        number(&self.0["connections"])
    }

    /// Connections accepted so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.of_all_cores(|core| number(&core["connections_accepted"]))
    }

    /// Connections closed for this reason.
    pub(crate) fn closes(&self, reason: &str) -> u64 {
        self.of_all_cores(|core| core["closes"].get(reason).map_or(0, number))
    }

    /// Connections closed for any reason.
    pub(crate) fn closed(&self) -> u64 {
        let all = |core: &Value| core["closes"].as_object().expect("a map").values().map(number).sum();
        self.of_all_cores(all)
    }

    /// What this limit has refused.
    pub(crate) fn refused(&self, limit: &str) -> u64 {
        number(&self.0["refused"][limit])
    }

    /// Bytes that connections keep.
    pub(crate) fn buffered_bytes(&self) -> u64 {
        number(&self.0["buffered_bytes"])
    }

    /// Panics of user code.
    pub(crate) fn handler_panics(&self) -> u64 {
        self.of_all_cores(|core| number(&core["handler_panics"]))
            + number(&self.0["service"]["handler_panics"])
    }

    /// Times accepting paused.
    pub(crate) fn accept_pauses(&self) -> u64 {
        number(&self.0["accept_pauses"])
    }

    /// Lines the log has lost.
    pub(crate) fn log_lines_lost(&self) -> u64 {
        number(&self.0["log_lines_lost"])
    }

    fn of_all_cores(&self, count: impl Fn(&Value) -> u64) -> u64 {
        self.0["cores"].as_array().expect("a list of cores").iter().map(count).sum()
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is not a count"))
}
