//! How long a connection lasts (RFC 9112 9.3).

use crate::on_every_engine;
use crate::support::{Engine, Server};

on_every_engine!(
    http_1_1_stays_open_unless_told_to_close,
    close_is_honoured_among_other_connection_options,
    http_1_0_closes_unless_told_to_stay_open,
    a_higher_minor_version_is_taken_as_1_1,
    empty_lines_before_a_request_are_skipped,
    many_requests_follow_each_other_on_one_connection,
    absolute_form_is_served,
);

fn http_1_1_stays_open_unless_told_to_close(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    assert!(!client.get("/plaintext").closes());
    client.send("GET /plaintext HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    let response = client.response();
    assert!(response.status == 200 && response.closes());
    client.expect_end();
}

fn close_is_honoured_among_other_connection_options(engine: Engine) {
    let server = Server::start(engine, &[]);
    for fields in [
        "Connection: x-thing, CLOSE",
        "Connection: x-thing\r\nConnection: close",
        "Connection: keep-alive, close",
    ] {
        let mut client = server.connect();
        client.send(format!("GET /plaintext HTTP/1.1\r\nHost: test\r\n{fields}\r\n\r\n"));
        assert!(client.response().closes(), "{fields:?}");
        client.expect_end();
    }
}

fn http_1_0_closes_unless_told_to_stay_open(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send("GET /plaintext HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    let kept = client.response();
    assert_eq!(kept.field("connection").map(str::to_ascii_lowercase).as_deref(), Some("keep-alive"));
    client.send("GET /plaintext HTTP/1.0\r\n\r\n");
    let closed = client.response();
    assert_eq!((closed.status, closed.text()), (200, "Hello, World!"));
    client.expect_end();
}

fn a_higher_minor_version_is_taken_as_1_1(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send("GET /plaintext HTTP/1.9\r\nHost: test\r\n\r\n");
    let response = client.response();
    assert!(response.status == 200 && !response.closes());
    assert_eq!(client.get("/plaintext").status, 200);
}

fn empty_lines_before_a_request_are_skipped(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send("\r\n\r\nGET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n\r\n");
    assert_eq!(client.response().status, 200);
    assert_eq!(client.get("/plaintext").status, 200);
}

fn many_requests_follow_each_other_on_one_connection(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    for count in 0..1_000 {
        let body = count.to_string();
        let response = client.request("POST", "/echo", body.as_bytes());
        assert_eq!((response.status, response.text()), (200, body.as_str()));
    }
}

fn absolute_form_is_served(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send("GET http://elsewhere.example:80/plaintext?x HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response().status, 200);
}
