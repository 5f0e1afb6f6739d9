//! Deadlines: who keeps a server waiting is told so with 408 where a request has begun, and left without a word where
//! none has (RFC 9110 15.5.9, RFC 9112 9.5).

use std::time::{Duration, Instant};

use crate::on_every_engine;
use crate::support::{Engine, PATIENCE, Server};

on_every_engine!(
    a_stalled_head_is_408,
    a_trickling_head_is_408,
    a_silent_new_connection_is_closed,
    a_stalled_body_is_408,
    a_body_slower_than_the_minimum_rate_is_408,
    an_idle_connection_is_closed_without_a_word,
    an_answer_nobody_takes_is_given_up,
    a_refused_peer_that_sends_on_is_cut_off,
    a_deadline_is_not_early,
);

fn a_stalled_head_is_408(engine: Engine) {
    let server = Server::start(engine, &["--head-timeout", "300ms"]);
    for request in ["G", "GET /plaintext HTTP/1.1\r\n", "GET /plaintext HTTP/1.1\r\nHost: test\r\n\r"] {
        let mut client = server.connect();
        client.send(request);
        let response = client.response();
        assert_eq!((response.status, response.closes()), (408, true), "{request:?}");
        client.expect_end();
    }
    let mut client = server.connect();
    assert_eq!(client.get("/plaintext").status, 200);
    client.send("GET /pl");
    assert_eq!(client.response().status, 408, "also for the second request of a connection");
    client.expect_end();
}

/// The deadline is for the whole head: one more byte does not start it again.
fn a_trickling_head_is_408(engine: Engine) {
    let server = Server::start(engine, &["--head-timeout", "300ms", "--max-head-bytes", "16m"]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.send("GET /plaintext HTTP/1.1\r\nHost: test\r\nX: ");
    let begun = Instant::now();
    while !client.has_answer() {
        assert!(begun.elapsed() < PATIENCE, "a trickle of bytes holds the connection open");
        let _ = client.try_send("x");
        assert_eq!(other.get("/plaintext").status, 200);
    }
    assert_eq!(client.response().status, 408);
}

fn a_silent_new_connection_is_closed(engine: Engine) {
    let server = Server::start(engine, &["--head-timeout", "300ms"]);
    let rest = server.connect().rest();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408 "), "{:?}", String::from_utf8_lossy(&rest));
}

fn a_stalled_body_is_408(engine: Engine) {
    let server = Server::start(engine, &["--body-timeout", "300ms"]);
    for path in ["/upload", "/echo"] {
        for framing in ["Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"] {
            let mut client = server.connect();
            client.send(format!("POST {path} HTTP/1.1\r\nHost: test\r\n{framing}"));
            let response = client.response();
            assert_eq!((response.status, response.closes()), (408, true), "{path} {framing:?}");
            client.expect_end();
        }
    }
}

/// A byte per round trip on another connection is progress, but never a megabyte a second.
fn a_body_slower_than_the_minimum_rate_is_408(engine: Engine) {
    let server = Server::start(engine, &["--body-timeout", "500ms", "--min-body-rate", "10m"]);
    for path in ["/upload", "/echo"] {
        let (mut client, mut other) = (server.connect(), server.connect());
        client.send(format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: 10000000\r\n\r\n"));
        let begun = Instant::now();
        while !client.has_answer() {
            assert!(begun.elapsed() < PATIENCE, "{path}: a trickle of bytes holds the connection open");
            let _ = client.try_send("x");
            assert_eq!(other.get("/plaintext").status, 200);
        }
        assert_eq!(client.response().status, 408, "{path}");
    }
}

fn an_idle_connection_is_closed_without_a_word(engine: Engine) {
    let server = Server::start(engine, &["--idle-timeout", "300ms"]);
    let mut client = server.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/plaintext").status, 200);
    }
    client.expect_end();
}

/// Seen in the server's open files: the peer itself cannot see it without reading, and reading would be progress.
fn an_answer_nobody_takes_is_given_up(engine: Engine) {
    let server = Server::start(engine, &["--write-timeout", "300ms"]);
    let mut other = server.connect();
    assert_eq!(other.get("/plaintext").status, 200);
    let before = server.process().open_files();
    let mut client = server.connect_with_receive_buffer(16 * 1024);
    client.send("GET /bytes/100000000 HTTP/1.1\r\nHost: test\r\n\r\n");
    client.response_head();
    assert!(server.process().open_files() > before, "the answer is under way");
    let begun = Instant::now();
    while server.process().open_files() > before {
        assert!(begun.elapsed() < PATIENCE, "the server waits for ever for a peer that does not read");
        assert_eq!(other.get("/plaintext").status, 200);
    }
}

/// A refused peer may finish sending and read why; it may not hold the connection by sending for ever.
fn a_refused_peer_that_sends_on_is_cut_off(engine: Engine) {
    let server = Server::start(engine, &["--linger-timeout", "100ms"]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.send("POST /nothing HTTP/1.1\r\nHost: test\r\nContent-Length: 100000000000\r\n\r\n");
    assert_eq!(client.response().status, 404);
    let begun = Instant::now();
    while client.try_send("x").is_ok() {
        assert!(begun.elapsed() < PATIENCE, "the server reads on for ever");
        assert_eq!(other.get("/plaintext").status, 200);
    }
}

/// The one duration that is looked at: a client is never hurried, however busy the machine is.
fn a_deadline_is_not_early(engine: Engine) {
    let server = Server::start(engine, &["--idle-timeout", "700ms", "--head-timeout", "700ms"]);
    let mut client = server.connect();
    let begun = Instant::now();
    assert_eq!(client.get("/plaintext").status, 200);
    client.expect_end();
    assert!(begun.elapsed() >= Duration::from_millis(700), "closed after {:?}", begun.elapsed());
    let begun = Instant::now();
    let mut client = server.connect();
    client.send("GET ");
    assert_eq!(client.response().status, 408);
    assert!(begun.elapsed() >= Duration::from_millis(700), "refused after {:?}", begun.elapsed());
}
