//! `Expect: 100-continue` (RFC 9110 10.1.1): the client is told to go on when its body is wanted, and only then.

use crate::on_every_engine;
use crate::support::{Engine, Server};

on_every_engine!(
    a_wanted_body_is_asked_for,
    a_body_that_is_not_read_is_not_asked_for,
    a_body_that_is_already_there_needs_no_asking,
    http_1_0_is_not_asked,
    a_body_that_will_be_too_large_is_refused_unsent,
);

fn expecting(path: &str, framing: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: test\r\nExpect: 100-Continue\r\n{framing}\r\n\r\n")
}

fn a_wanted_body_is_asked_for(engine: Engine) {
    let server = Server::start(engine, &[]);
    for (path, answer) in [("/upload", "5"), ("/echo", "hello")] {
        for (framing, body) in
            [("Content-Length: 5", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")]
        {
            let mut client = server.connect();
            client.send(expecting(path, framing));
            let interim = client.response();
            assert_eq!((interim.status, interim.fields.len()), (100, 0), "{path} {framing}");
            client.send(body);
            let response = client.response();
            assert_eq!((response.status, response.text().trim_end()), (200, answer), "{path} {framing}");
            assert_eq!(client.get("/plaintext").status, 200);
        }
    }
}

/// Without the 100 the client may or may not send the body, so the connection cannot be used further (RFC 9110 10.1.1);
/// the final answer is all that comes.
fn a_body_that_is_not_read_is_not_asked_for(engine: Engine) {
    let server = Server::start(engine, &[]);
    for (path, status) in [("/plaintext", 405), ("/nothing", 404)] {
        let mut client = server.connect();
        client.send(expecting(path, "Content-Length: 5"));
        let response = client.response();
        assert_eq!(response.status, status);
        if response.closes() {
            client.expect_end();
        } else {
            client.send("hello");
            assert_eq!(client.get("/plaintext").status, 200);
        }
    }
}

fn a_body_that_is_already_there_needs_no_asking(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send(expecting("/echo", "Content-Length: 5") + "hello");
    let mut response = client.response();
    if response.status == 100 {
        // Allowed: a server MAY omit it when it has received some of the body, no more than that.
        response = client.response();
    }
    assert_eq!((response.status, response.text()), (200, "hello"));
}

fn http_1_0_is_not_asked(engine: Engine) {
    let server = Server::start(engine, &["--cores", "1"]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.send("POST /upload HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(other.get("/plaintext").status, 200);
    client.send("hello");
    let response = client.response();
    assert_eq!((response.status, response.text().trim_end()), (200, "5"));
}

fn a_body_that_will_be_too_large_is_refused_unsent(engine: Engine) {
    let server = Server::start(engine, &["--max-body-bytes", "10"]);
    let mut client = server.connect();
    client.send(expecting("/upload", "Content-Length: 11"));
    assert_eq!(client.response().status, 413);
    client.expect_end();
}
