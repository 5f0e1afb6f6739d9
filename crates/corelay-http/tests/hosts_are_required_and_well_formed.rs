//! RFC 9112 section 3.2: one well-formed Host in every HTTP/1.1 request.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod feed;

use corelay_http::RequestErrorKind as Kind;
use feed::{accepted, refused};

fn with_host(host: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

#[test]
fn names_and_addresses_with_and_without_port_are_taken() {
    for host in [
        "a",
        "a.example",
        "A.Example.",
        "a_b",
        "xn--mnchen-3ya.de",
        "127.0.0.1",
        "127.0.0.1:8080",
        "a:",
        "a:0",
        "a:80",
        "a:00080",
        "a:65535",
        "[::1]",
        "[::1]:8080",
        "[2001:db8::ff00:42:8329]:1",
        "[::ffff:1.2.3.4]",
        "a%20b",
        "~!$&'()*+;=",
        "1.2.3.4.5",
    ] {
        assert_eq!(accepted(with_host(host)).host.as_deref(), Some(host), "{host:?}");
    }
}

#[test]
fn anything_else_is_refused_with_400() {
    for host in [
        "",
        " \t",
        ":",
        ":80",
        "a b",
        "a,b",
        "a, b",
        "user@a",
        "http://a",
        "a/b",
        "a?b",
        "a#b",
        "a:b",
        "a:8a",
        "a:65536",
        "a:000080",
        "a:-1",
        "a:80:80",
        "[::1",
        "::1",
        "[::1]a",
        "[::g]",
        "[]",
        "[v1.a]",
        "[fe80::1%25en0]",
        "[1.2.3.4]",
        "a%2",
        "a%zz",
        "%",
        "\u{e9}.example",
        "a\\b",
        "\"a\"",
        "<a>",
        "a|b",
        "{a}",
    ] {
        assert_eq!(refused(with_host(host)), (Kind::HostMalformed, 400), "{host:?}");
    }
}

#[test]
fn two_are_refused_with_400_even_if_equal() {
    assert_eq!(refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), (Kind::HostRepeated, 400));
    assert_eq!(refused("GET / HTTP/1.1\r\nHost: b\r\nhost: a\r\n\r\n"), (Kind::HostRepeated, 400));
    assert_eq!(refused("GET / HTTP/1.0\r\nHost: a\r\nHOST: b\r\n\r\n"), (Kind::HostRepeated, 400));
}

#[test]
fn none_is_refused_in_1_1_and_fine_in_1_0() {
    assert_eq!(refused("GET / HTTP/1.1\r\n\r\n"), (Kind::HostMissing, 400));
    assert_eq!(refused("GET / HTTP/1.1\r\nHos: a\r\nHostt: b\r\n\r\n"), (Kind::HostMissing, 400));
    assert_eq!(accepted("GET / HTTP/1.0\r\n\r\n").host, None);
    assert_eq!(
        refused("GET / HTTP/1.0\r\nHost: a b\r\n\r\n"),
        (Kind::HostMalformed, 400),
        "but if there, it is well-formed"
    );
    assert_eq!(refused("GET / HTTP/1.0\r\nHost:\r\n\r\n"), (Kind::HostMalformed, 400), "and not empty");
    assert_eq!(refused("GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n"), (Kind::HostMalformed, 400), "nor idle");
}
