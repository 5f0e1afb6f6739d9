//! HEAD, OPTIONS and methods a route does not have (RFC 9110 9.3.2, 9.3.7, 15.5.6).

use std::collections::BTreeSet;

use crate::on_every_engine;
use crate::support::{Engine, Response, Server};

on_every_engine!(
    a_wrong_method_is_405_with_what_is_allowed,
    an_unknown_method_is_501,
    head_has_the_header_of_get_and_no_body,
    options_names_what_is_allowed,
    options_asterisk_is_answered,
    connect_opens_no_tunnel,
);

fn allowed(response: &Response) -> BTreeSet<&str> {
    response.field("allow").expect("Allow is there").split(',').map(str::trim).collect()
}

fn a_wrong_method_is_405_with_what_is_allowed(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    for (method, target, allow) in [
        ("POST", "/plaintext", ["GET", "HEAD", "OPTIONS"].as_slice()),
        ("DELETE", "/", &["GET", "HEAD", "OPTIONS"]),
        ("TRACE", "/json", &["GET", "HEAD", "OPTIONS"]),
        ("GET", "/upload", &["OPTIONS", "POST"]),
        ("PUT", "/bytes/10", &["GET", "HEAD", "OPTIONS"]),
    ] {
        let response = client.request(method, target, b"");
        assert_eq!(response.status, 405, "{method} {target}");
        assert_eq!(allowed(&response), allow.iter().copied().collect(), "{method} {target}");
    }
}

/// Methods are case-sensitive (RFC 9110 9.1), so `get` is one that nobody knows.
fn an_unknown_method_is_501(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    for (method, target) in [("BREW", "/json"), ("get", "/json"), ("GETX", "/"), ("M-SEARCH", "/bytes/10")] {
        assert_eq!(client.request(method, target, b"hi").status, 501, "{method} {target}");
    }
    assert_eq!(client.get("/plaintext").status, 200);
}

fn head_has_the_header_of_get_and_no_body(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    for target in ["/", "/plaintext", "/json", "/headers", "/bytes/100000", "/nothing"] {
        client.send(format!("HEAD {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        let head = client.response_to("HEAD");
        let get = client.get(target);
        assert_eq!(head.status, get.status, "{target}");
        for field in ["content-type", "content-length", "transfer-encoding"] {
            assert_eq!(head.field(field), get.field(field), "{target}");
        }
    }
}

fn options_names_what_is_allowed(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send("OPTIONS /plaintext HTTP/1.1\r\nHost: test\r\n\r\n");
    let response = client.response();
    assert_eq!(response.status, 204);
    assert_eq!(allowed(&response), ["GET", "HEAD", "OPTIONS"].into());
}

fn options_asterisk_is_answered(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n");
    let response = client.response();
    assert!(matches!(response.status, 200 | 204), "{}", response.status);
    assert_eq!(client.get("/plaintext").status, 200);
}

/// The demo has no tunnel, so CONNECT is refused as any method that a resource does not have; what follows it must not
/// be taken for a request by a client that was not told 2xx, nor hang.
fn connect_opens_no_tunnel(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
    let response = client.response();
    assert!((400..=501).contains(&response.status), "{}", response.status);
}
