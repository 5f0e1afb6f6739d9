//! RFC 9112 section 9.3 (persistence), RFC 9110 sections 10.1.1 (Expect) and 7.8 (Upgrade).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod feed;

use corelay_http::RequestErrorKind as Kind;
use feed::{accepted, refused, with_fields};

#[test]
fn http_1_1_persists_unless_it_says_close() {
    for (connection, persists) in [
        ("", true),
        ("keep-alive", true),
        ("close", false),
        ("Close", false),
        ("keep-alive, close", false),
        ("x , CLOSE\t", false),
        ("closed", true),
        ("clos", true),
        ("upgrade", true),
        (",,close,,", false),
        ("close x", true),
    ] {
        let request = accepted(with_fields(&[&format!("Connection: {connection}")]));
        assert_eq!(request.keep_alive, persists, "{connection:?}");
    }
    assert!(accepted(with_fields(&[])).keep_alive);
    assert!(!accepted(with_fields(&["Connection: keep-alive", "connection: close"])).keep_alive);
}

#[test]
fn http_1_0_persists_only_if_it_says_keep_alive() {
    for (fields, persists) in [
        ("", false),
        ("Connection: keep-alive\r\n", true),
        ("Connection: Keep-Alive\r\n", true),
        ("Connection: close\r\n", false),
        ("Connection: keep-alive, close\r\n", false),
        ("Keep-Alive: 300\r\n", false),
    ] {
        assert_eq!(accepted(format!("GET / HTTP/1.0\r\n{fields}\r\n")).keep_alive, persists, "{fields:?}");
    }
}

#[test]
fn a_body_may_wait_for_100_continue_in_http_1_1() {
    for expectation in ["100-continue", "100-Continue", "100-CONTINUE "] {
        let request = accepted(with_fields(&["Content-Length: 1", &format!("Expect: {expectation}")]));
        assert!(request.expects_continue, "{expectation:?}");
    }
    assert!(accepted(with_fields(&["Transfer-Encoding: chunked", "Expect: 100-continue"])).expects_continue);
    assert!(!accepted(with_fields(&["Expect: 100-continue"])).expects_continue, "there is no body");
    assert!(!accepted(with_fields(&["Content-Length: 0", "Expect: 100-continue"])).expects_continue);
}

#[test]
fn http_1_0_has_no_expectations() {
    for expectation in ["100-continue", "something-else"] {
        let input = format!("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: {expectation}\r\n\r\n");
        assert!(!accepted(input).expects_continue);
    }
}

#[test]
fn other_expectations_are_refused_with_417() {
    for expectation in ["", "200-ok", "100-continue, other", "100-continue;x=1", "100"] {
        let input = with_fields(&[&format!("Expect: {expectation}")]);
        assert_eq!(refused(input), (Kind::ExpectationUnknown, 417), "{expectation:?}");
    }
}

#[test]
fn an_upgrade_counts_only_if_connection_lists_it() {
    let upgrade = accepted(with_fields(&["Connection: keep-alive, Upgrade", "Upgrade: websocket"])).upgrade;
    assert_eq!(upgrade.as_deref(), Some(&b"websocket"[..]));
    assert_eq!(accepted(with_fields(&["Upgrade: websocket"])).upgrade, None);
    assert_eq!(accepted(with_fields(&["Connection: upgrade"])).upgrade, None);
    let old = accepted("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(old.upgrade, None, "HTTP/1.0 cannot upgrade");
}
