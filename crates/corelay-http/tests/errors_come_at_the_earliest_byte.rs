//! A byte that no valid head can have in its place is refused at once, without waiting for the end of its line.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod feed;

use corelay_http::Limits;
use feed::{Outcome, parse_in_steps};

/// Each input is hopeless with its last byte, and only with that.
#[test]
fn the_last_byte_of_each_of_these_is_the_first_wrong_one() {
    let (long_method, limits) = ("M".repeat(33), Limits::default());
    let cases: &[&[u8]] = &[
        b"\x16",
        b"\n",
        b"\rG",
        b" ",
        b"\r\n\r\n\r\n\r\n\r",
        b"(",
        b"GE\r",
        long_method.as_bytes(),
        b"GET  ",
        b"GET *",
        b"GET x",
        b"CONNECT /",
        b"GET /\x01",
        b"GET /\r",
        b"GET /\xff",
        b"GET /#",
        b"GET /a?b#",
        b"OPTIONS *x ",
        b"GET hello ",
        b"CONNECT a ",
        b"GET / h",
        b"GET / HX",
        b"GET / HTTP/2.0\r\n",
        b"GET / HTTP/01",
        b"GET / HTTP/x",
        b"GET / HTTP/11",
        b"GET / HTTP/1.x",
        b"GET / HTTP/1.1 ",
        b"GET / HTTP/1.1\n",
        b"GET / HTTP/1.1\r\r",
        b"GET / HTTP/1.1\r\n ",
        b"GET / HTTP/1.1\r\n:",
        b"GET / HTTP/1.1\r\n\n",
        b"GET / HTTP/1.1\r\na ",
        b"GET / HTTP/1.1\r\na\r",
        b"GET / HTTP/1.1\r\na: b\x00",
        b"GET / HTTP/1.1\r\na: b\n",
        b"GET / HTTP/1.1\r\na: b\rc",
        b"GET / HTTP/1.1\r\na: b\r\n ",
        b"GET / HTTP/1.1\r\nHost: a b\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n",
        b"GET / HTTP/1.1\r\n\rx",
        b"GET / HTTP/1.1\r\n\r\n",
    ];
    for input in cases {
        let (before, whole) = (input.len() - 1, input.len());
        assert_eq!(parse_in_steps(input, [before], &limits), Outcome::Partial, "{}", input.escape_ascii());
        let outcome = parse_in_steps(input, [whole], &limits);
        assert!(matches!(outcome, Outcome::Refused(_)), "{}: {outcome:?}", input.escape_ascii());
    }
}
