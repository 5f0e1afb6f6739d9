//! What a handler leaves of a body is read and dropped, up to a limit; past that the answer is still read in full.

use super::support::{End, Serving, one_core, until};
use corelay::Router;
use corelay::http::{Body, endpoint};
use std::io::{self, Read, Write};
use std::thread;

const UNREAD_BYTES_MAX: usize = 1000;
const ANSWER_BYTES: usize = 200_000;

/// Reads ten bytes, and has seen enough.
fn glance(mut body: Body) -> io::Result<Vec<u8>> {
    body.read_exact(&mut [0; 10])?;
    Ok(vec![b'a'; ANSWER_BYTES])
}

fn serving() -> Serving {
    let mut config = one_core();
    config.limits.max_unread_body_bytes = UNREAD_BYTES_MAX as u64;
    let router = Router::new()
        .post("/glance", glance)
        .post("/unused", || vec![b'a'; ANSWER_BYTES])
        .post("/unused/blocking", endpoint(|| vec![b'a'; ANSWER_BYTES]).blocking());
    Serving::with(config, router.get("/", || "next"))
}

const TARGETS: [&str; 3] = ["/glance", "/unused", "/unused/blocking"];

#[test]
fn a_little_is_dropped_and_the_connection_goes_on() {
    let serving = serving();
    let mut client = serving.client();
    let body = "x".repeat(UNREAD_BYTES_MAX - 50);
    for target in TARGETS {
        let head = format!("POST {target} HTTP/1.1\r\nHost: test\r\n");
        client.send(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()));
        assert_eq!(client.answer().body.len(), ANSWER_BYTES, "{target}");
        client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len()));
        client.send(format!("{body}\r\n0\r\n\r\n"));
        assert_eq!(client.answer().body.len(), ANSWER_BYTES, "{target}, chunked");
        assert_eq!(client.get("/").text(), "next", "{target}");
    }
    serving.end().unwrap();
}

#[test]
fn much_ends_the_connection_behind_an_answer_read_in_full() {
    let serving = serving();
    for target in TARGETS {
        let mut client = serving.client();
        let length = 8 * 1024 * 1024;
        client.send(format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n"));
        let mut writer = client.writer();
        // It may be stopped by the end of the connection, and that is all that may happen to it.
        let writing = thread::spawn(move || {
            let piece = vec![b'x'; 64 * 1024];
            (0..length / piece.len()).take_while(|_| writer.write_all(&piece).is_ok()).count()
        });
        let answer = client.answer();
        assert_eq!((answer.status, answer.body.len()), (200, ANSWER_BYTES), "{target}");
        assert!(answer.closes(), "{target}");
        assert!(writing.join().unwrap() > 0);
        assert_eq!(client.end().bytes(), b"", "{target}");
    }
    until("each is counted", || serving.closes("body_unread") + serving.closes("last_answer") == 3);
    serving.end().unwrap();
}

#[test]
fn a_length_that_is_too_much_is_known_before_the_body_comes() {
    let serving = serving();
    for target in TARGETS {
        let mut client = serving.client();
        let length = UNREAD_BYTES_MAX + 11;
        let head = format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n");
        client.send(head + "ten bytes.");
        let answer = client.answer();
        assert_eq!((answer.body.len(), answer.closes()), (ANSWER_BYTES, true), "{target}");
    }
    serving.end().unwrap();
}

#[test]
fn what_follows_an_endless_body_is_never_taken_for_a_request() {
    let serving = serving();
    let mut client = serving.client();
    let length = 10 * UNREAD_BYTES_MAX;
    let body = "GET / HTTP/1.1\r\nHost: test\r\n\r\n".repeat(length / 29);
    client.send(format!("POST /unused HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{body}"));
    assert_eq!(client.answer().body.len(), ANSWER_BYTES);
    client.finish();
    assert_eq!(client.end(), End::Clean(Vec::new()));
    serving.end().unwrap();
}
