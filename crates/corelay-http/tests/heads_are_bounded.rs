//! Every limit of a head: met is fine, passed by one is refused, with its status code.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod feed;

use corelay_http::{Limits, RequestErrorKind as Kind};
use feed::{Outcome, parse, refused_by};

fn assert_accepted(input: &str, limits: &Limits) {
    let outcome = parse(input.as_bytes(), limits);
    assert!(matches!(outcome, Outcome::Complete(_)), "{outcome:?}");
}

#[test]
fn a_target_past_its_limit_is_414() {
    let limits = Limits { target_bytes: 10, ..Limits::default() };
    assert_accepted("GET /123456789 HTTP/1.0\r\n\r\n", &limits);
    assert_accepted("GET /123?56789 HTTP/1.0\r\n\r\n", &limits);
    assert_eq!(refused_by("GET /123456789a", &limits), (Kind::TargetTooLong, 414));
    assert_eq!(refused_by("GET /123456789a HTTP/1.0\r\n\r\n", &limits), (Kind::TargetTooLong, 414));
    assert_eq!(refused_by("GET /123?56789a\0 HTTP/1.0\r\n\r\n", &limits), (Kind::TargetTooLong, 414));
    assert_eq!(refused_by("GET /1234567\0 HTTP/1.0\r\n\r\n", &limits), (Kind::TargetMalformed, 400));
}

#[test]
fn more_fields_than_the_limit_are_431() {
    let limits = Limits { fields: 3, ..Limits::default() };
    assert_accepted("GET / HTTP/1.0\r\na:\r\nb:\r\nc:\r\n\r\n", &limits);
    assert_eq!(refused_by("GET / HTTP/1.0\r\na:\r\nb:\r\nc:\r\nd", &limits), (Kind::TooManyFields, 431));
    assert_eq!(refused_by("GET / HTTP/1.0\r\na:\r\nb:\r\nc:\r\n\0", &limits), (Kind::TooManyFields, 431));
}

#[test]
fn a_head_past_its_limit_is_431_in_the_fields_and_414_before_them() {
    let head = "GET /12345678 HTTP/1.0\r\na: 1234567890\r\n\r\n";
    let limits = |head_bytes| Limits { head_bytes, ..Limits::default() };
    assert_accepted(head, &limits(head.len()));
    assert_accepted(&format!("{head}and what follows it"), &limits(head.len()));
    for head_bytes in 24..head.len() {
        assert_eq!(refused_by(head, &limits(head_bytes)), (Kind::HeadTooLarge, 431), "{head_bytes}");
    }
    for head_bytes in 0..24 {
        assert_eq!(refused_by(head, &limits(head_bytes)), (Kind::TargetTooLong, 414), "{head_bytes}");
    }
}

#[test]
fn what_is_wrong_past_the_limit_does_not_matter() {
    let limits = Limits { head_bytes: 40, ..Limits::default() };
    let input = format!("GET / HTTP/1.0\r\na: {}\0", "1".repeat(40));
    assert_eq!(refused_by(input, &limits), (Kind::HeadTooLarge, 431));
}

#[test]
fn empty_lines_before_the_request_are_bounded() {
    let limits = Limits { empty_lines: 0, ..Limits::default() };
    assert_eq!(refused_by("\r\nGET / HTTP/1.0\r\n\r\n", &limits), (Kind::TooManyEmptyLines, 400));
}
