//! No bytes panic, not even those of a caller that breaks the contract of `parse` and `view` by showing other bytes
//! than before: it gets nonsense, or an error.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use corelay_http::{Limits, RequestHead};
use proptest::collection::vec;
use proptest::prelude::*;

/// Heads that stop in each of the parser's states.
const HEADS: [&[u8]; 8] = [
    b"\r\n\r",
    b"GET /some/where?and=more HT",
    b"GET http://a.example:80/ HTTP/1.",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Le",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1",
    b"GET /a?b HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: \xff\xfe\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\0",
    b"M-X /",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn not_even_other_bytes_than_before(first in 0..HEADS.len(), second in 0..HEADS.len(), cut in 0..100usize, noise in vec(any::<u8>(), 0..40)) {
        let limits = Limits::default();
        let mut head = RequestHead::new();
        for input in [HEADS[first], &noise, &HEADS[second][..cut.min(HEADS[second].len())], HEADS[second]] {
            let outcome = head.parse(input, &limits);
            let view = head.view(input);
            let shown = format!("{view:?} {:?} {:?} {:?} {:?}", view.path(), view.query(), view.host(), view.upgrade());
            prop_assert!(shown.starts_with("Head"), "{:?}", outcome);
        }
    }
}
