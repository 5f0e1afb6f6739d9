//! RFC 9112 section 3.2: origin, absolute, authority (CONNECT only), asterisk (OPTIONS only).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod feed;

use corelay_http::{RequestErrorKind as Kind, TargetForm};
use feed::{accepted, refused};

fn request(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: field.example\r\n\r\n")
}

#[test]
fn origin_form_is_a_path_and_perhaps_a_query() {
    for (target, path, query) in [
        ("/", "/", None),
        ("/a/b", "/a/b", None),
        ("/a?", "/a", Some("")),
        ("/a?b=c&d", "/a", Some("b=c&d")),
        ("/?a?b", "/", Some("a?b")),
        ("//a", "//a", None),
        ("/a/../b", "/a/../b", None),
        ("/%41%zz%", "/%41%zz%", None),
    ] {
        let request = accepted(request("GET", target));
        assert_eq!((request.path.as_str(), request.query.as_deref()), (path, query), "{target}");
        assert_eq!((request.target.as_str(), request.form), (target, TargetForm::Origin));
        assert_eq!(request.host.as_deref(), Some("field.example"));
    }
}

#[test]
fn absolute_form_wins_over_the_host_field() {
    for (target, host, path, query) in [
        ("http://a.example/b?c", "a.example", "/b", Some("c")),
        ("HTTPS://a.example:8443/", "a.example:8443", "/", None),
        ("http://a.example", "a.example", "/", None),
        ("http://a.example?q", "a.example", "/", Some("q")),
        ("http://a.example?q=http://b/", "a.example", "/", Some("q=http://b/")),
        ("http://[::1]:80/x", "[::1]:80", "/x", None),
    ] {
        let request = accepted(request("GET", target));
        assert_eq!(request.form, TargetForm::Absolute, "{target}");
        assert_eq!(request.host.as_deref(), Some(host), "{target}");
        assert_eq!((request.path.as_str(), request.query.as_deref()), (path, query), "{target}");
    }
}

#[test]
fn absolute_form_without_a_usable_host_is_refused_with_400() {
    for target in [
        "http://",
        "http:///a",
        "http://:80/",
        "http://user@a/",
        "http://a,b/",
        "http://a:b/",
        "http://?q",
        "http://[::1/",
        "http://a:99999/",
    ] {
        assert_eq!(refused(request("GET", target)), (Kind::HostMalformed, 400), "{target}");
    }
    for target in ["http:", "http:/a", "ftp://a/", "https", "h", "index.html", "?a", "a:80", "%2f"] {
        assert_eq!(refused(request("GET", target)), (Kind::TargetMalformed, 400), "{target}");
    }
    assert_eq!(
        refused("GET http://a/ HTTP/1.1\r\n\r\n"),
        (Kind::HostMissing, 400),
        "Host is required all the same"
    );
}

#[test]
fn authority_form_is_for_connect_alone_and_connect_for_it() {
    for target in ["a.example:443", "127.0.0.1:80", "[::1]:443"] {
        let request = accepted(request("CONNECT", target));
        assert_eq!(request.form, TargetForm::Authority);
        assert_eq!(request.host.as_deref(), Some(target));
        assert_eq!((request.path.as_str(), request.query), ("", None));
    }
    for target in [
        "/",
        "*",
        "a.example",
        "a.example:",
        ":443",
        "http://a.example/",
        "a:1/b",
        "a:1?b",
        "a:b",
        "u@a:1",
        "a:65536",
        "[::g]:1",
    ] {
        assert_eq!(refused(request("CONNECT", target)), (Kind::TargetFormForbidden, 400), "{target}");
    }
}

#[test]
fn asterisk_form_is_for_options_alone() {
    let request_ = accepted(request("OPTIONS", "*"));
    assert_eq!((request_.form, request_.path.as_str(), request_.query), (TargetForm::Asterisk, "*", None));
    assert_eq!(accepted(request("OPTIONS", "/a")).form, TargetForm::Origin);
    assert_eq!(refused(request("GET", "*")), (Kind::TargetFormForbidden, 400));
    for target in ["**", "*/", "*?a"] {
        assert_eq!(refused(request("OPTIONS", target)), (Kind::TargetMalformed, 400), "{target}");
    }
}

#[test]
fn a_target_is_visible_ascii_without_fragment_and_angle_brackets() {
    for octet in 0..=255u8 {
        let mut input = b"GET /a".to_vec();
        input.push(octet);
        input.extend_from_slice(b"z HTTP/1.1\r\nHost: a\r\n\r\n");
        let allowed = octet.is_ascii_graphic() && !b"#<>".contains(&octet);
        if allowed {
            assert_eq!(accepted(&input).target.as_bytes()[2], octet);
        } else {
            assert_eq!(refused(&input).1, 400, "{octet:#x}");
        }
    }
}

#[test]
fn what_browsers_send_raw_in_queries_is_taken() {
    let target = "/search?q={\"a\":[1|2]}&r=^`\\";
    assert_eq!(accepted(request("GET", target)).query.as_deref(), Some(&target[8..]));
}
