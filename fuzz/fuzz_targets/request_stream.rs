//! The events of a stream of requests do not depend on how it is cut.
//!
//! The first byte of the input is the length of the segments; small lengths choose small limits too.

#![no_main]

#[path = "../../crates/corelay-http/tests/feed/events.rs"]
mod feed;

use corelay_http::Limits;
use feed::events;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [length, input @ ..] = input else { return };
    let small = usize::from(*length);
    let limits = match small {
        0..32 => Limits { chunk_line_bytes: small, trailer_bytes: small, fields: 3, ..Limits::default() },
        _ => Limits::default(),
    };
    let whole = events([input], &limits);
    assert_eq!(events(input.chunks(small.max(1)), &limits), whole);
    assert_eq!(events(input.chunks(1), &limits), whole);
});
