//! What a serving thread lends to the connection in hand: one of each, reused for every request.

use super::head::HeadReader;
use super::settle::Pause;
use super::{BUFFER_BYTES, Outgoing};
use crate::clock::Moment;
use crate::core::Tenure;
use crate::shared::Shared;
use crate::tally::Tally;
use corelay_http::RequestError;
use std::sync::Arc;

/// Input read at a time, in bytes, beyond what a connection has kept.
pub(crate) const INPUT_BYTES: usize = 64 * 1024;
// What a service thread has read behind a body must fit when the connection comes home with it.
const _: () = assert!(BUFFER_BYTES <= INPUT_BYTES);

/// Buffers, books and the time.
pub(crate) struct Turn {
    pub(crate) input: Box<[u8]>,
    pub(crate) heads: HeadReader,
    pub(crate) out: Outgoing,
    pub(crate) now: Moment,
    pub(crate) tally: Tally,
    /// Each request has to be let through.
    pub(crate) restrained: bool,
    /// What it is served now has waited for too long.
    pub(crate) late: bool,
}

impl Turn {
    /// For a thread that counts in the books of `tenure`.
    pub(crate) fn new(server: &Shared, tenure: Arc<Tenure>) -> Self {
        let now = server.epoch.moment(server.clock.now());
        let tally = Tally::new(tenure, server.clock.clone(), now, server.config.access_log);
        // What a connection may have kept is a whole buffer at most; behind part of a head there is always room.
        let limits = &server.config.limits;
        let input_bytes = limits.max_head_bytes.max(limits.max_proxy_header_bytes).saturating_mul(2);
        Self {
            input: vec![0; INPUT_BYTES.max(input_bytes)].into_boxed_slice(),
            heads: HeadReader::default(),
            out: Outgoing::new(&*server.clock, now, server.config.access_log),
            now,
            tally,
            restrained: server.restraint.is_on(),
            late: false,
        }
    }

    /// Says whether what is served next has waited for too long.
    pub(crate) fn is_late(&mut self, late: bool, server: &Shared) {
        (self.late, self.restrained) = (late, late || server.restraint.is_on());
    }

    /// Reads the clock, for what is served next.
    pub(crate) fn begin(&mut self, server: &Shared) {
        self.now = server.epoch.moment(server.clock.now());
        self.tally.begin(self.now);
        self.out.refresh_date(&*server.clock, self.now);
    }

    /// Answers the head that was read last: it is malformed, or too large.
    #[cold]
    #[inline(never)]
    pub(super) fn refuse_head(&mut self, error: RequestError) -> Box<Pause> {
        let head_request = self.heads.is_of_head_request();
        self.out.refuse(error.status(), error.reason(), head_request, &self.tally.counters)
    }
}
