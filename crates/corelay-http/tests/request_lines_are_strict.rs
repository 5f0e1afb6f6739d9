//! RFC 9112 section 3: method, target and version, one space between them, CRLF after them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod feed;

use corelay_http::{RequestErrorKind as Kind, Version};
use feed::{accepted, refused};

#[test]
fn methods_are_tokens_and_unknown_ones_are_the_applications_business() {
    for method in [
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "DELETE",
        "TRACE",
        "PATCH",
        "get",
        "PURGE",
        "M-SEARCH",
        "!#$%&'*+-.^_`|~1",
    ] {
        assert_eq!(accepted(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).method, method);
    }
    let longest = "M".repeat(32);
    assert_eq!(accepted(format!("{longest} / HTTP/1.1\r\nHost: a\r\n\r\n")).method, longest);
}

#[test]
fn malformed_methods_are_refused_with_400() {
    let too_long = "M".repeat(33);
    for start in [
        " GET",
        "\tGET",
        "",
        "G ET",
        "GE\tT",
        "G(T",
        "G/T",
        "GET:",
        "G\"",
        "\u{e9}",
        "\0",
        "G\x7f",
        too_long.as_str(),
    ] {
        let (kind, status) = refused(format!("{start} / HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(status, 400, "{start:?}");
        assert!(matches!(kind, Kind::MethodMalformed | Kind::TargetMalformed), "{start:?}: {kind:?}");
    }
    assert_eq!(refused("GET\r\n\r\n"), (Kind::MethodMalformed, 400));
    assert_eq!(refused("\x16\x03\x01\x02\0\x01"), (Kind::MethodMalformed, 400), "a TLS ClientHello");
}

#[test]
fn one_space_stands_between_the_parts_and_nothing_else() {
    for line in [
        "GET  / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET /\tHTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET / HTTP/1.1\t",
        "GET / HTTP/1.1\x0b",
    ] {
        let (_, status) = refused(format!("{line}\r\nHost: a\r\n\r\n"));
        assert_eq!(status, 400, "{line:?}");
    }
}

#[test]
fn higher_minor_versions_are_taken_as_1_1() {
    for (version, taken_as) in [
        ("1.0", Version::Http10),
        ("1.1", Version::Http11),
        ("1.2", Version::Http11),
        ("1.9", Version::Http11),
    ] {
        let request = accepted(format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n"));
        assert_eq!(request.version, taken_as, "{version}");
    }
}

#[test]
fn other_major_versions_are_refused_with_505() {
    for version in ["0.9", "0.0", "2.0", "3.0", "9.9"] {
        let input = format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n");
        assert_eq!(refused(input), (Kind::VersionUnsupported, 505), "{version}");
    }
}

#[test]
fn malformed_versions_are_refused_with_400() {
    for version in [
        "http/1.1",
        "HTTP/11",
        "HTTP/1",
        "HTTP/1.",
        "HTTP/1.x",
        "HTTP/1.10",
        "HTTP/01.1",
        "HTTP/01.01",
        "HTTP/11.1",
        "HTTP/2",
        "HTTP/2.",
        "HTTP/2.00",
        "HTTP/3x",
        "HTTP/.1",
        "HTTP/a.1",
        "HTTP1.1",
        "HTTP",
        "XTTP/1.1",
        "HTTP /1.1",
        "HTTP/ 1.1",
        "HTTP/1 .1",
        "HTTP/+1.1",
    ] {
        let input = format!("GET / {version}\r\nHost: a\r\n\r\n");
        assert_eq!(refused(input), (Kind::VersionMalformed, 400), "{version}");
    }
}

#[test]
fn a_request_of_http_0_9_is_refused_with_400() {
    assert_eq!(refused("GET /\r\n"), (Kind::VersionMalformed, 400));
    assert_eq!(refused("GET / \r\n"), (Kind::VersionMalformed, 400));
    assert_eq!(refused("GET /\n"), (Kind::VersionMalformed, 400));
}

#[test]
fn the_line_ends_in_cr_lf() {
    assert_eq!(refused("GET / HTTP/1.1\nHost: a\r\n\r\n"), (Kind::LineEndMalformed, 400), "bare LF");
    assert_eq!(refused("GET / HTTP/1.1\rHost: a\r\n\r\n"), (Kind::LineEndMalformed, 400), "bare CR");
    assert_eq!(refused("GET / HTTP/2.0\nHost: a\r\n\r\n"), (Kind::LineEndMalformed, 400), "of any version");
    assert_eq!(refused("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"), (Kind::LineEndMalformed, 400), "CR CR LF");
}

#[test]
fn empty_lines_before_it_are_skipped_up_to_the_limit() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for lines in 0..=4 {
        let input = "\r\n".repeat(lines) + request;
        assert_eq!(accepted(&input).head_len, input.len(), "{lines} empty lines");
    }
    assert_eq!(refused("\r\n".repeat(5) + request), (Kind::TooManyEmptyLines, 400));
    assert_eq!(refused(format!("\n{request}")), (Kind::LineEndMalformed, 400), "bare LF");
    assert_eq!(refused(format!("\r{request}")), (Kind::LineEndMalformed, 400), "bare CR");
    assert_eq!(refused(format!(" \r\n{request}")), (Kind::MethodMalformed, 400), "a line of white space");
}
