//! An answer that cannot be finished never looks finished.

use super::support::{Client, End, Serving, until};
use bytes::Bytes;
use corelay::Router;
use corelay::http::Response;
use std::io;

fn chunk(text: &'static str) -> io::Result<Bytes> {
    Ok(Bytes::from_static(text.as_bytes()))
}

fn failure<T>() -> io::Result<T> {
    Err(io::Error::other("the source is gone"))
}

/// Each route breaks its promise in a way of its own, after `begun`.
fn router() -> Router {
    Router::new()
        .get("/chunks/fail", || Response::chunks([chunk("begun"), failure()]))
        .get("/chunks/panic", || {
            Response::chunks((0..2).map(|number| if number == 0 { chunk("begun") } else { panic!("midway") }))
        })
        .get("/sized/short", || Response::sized_chunks(8, [chunk("begun")]))
        .get("/sized/long", || Response::sized_chunks(8, [chunk("begun"), chunk("too much")]))
        .get("/writer/fail", || Response::writer(|out| out.write_all(b"begun").and_then(|()| failure())))
        .get("/writer/panic", || {
            Response::writer(|out| {
                out.write_all(b"begun")?;
                panic!("midway")
            })
        })
        .get("/reader/short", || Response::reader(io::Cursor::new("begun"), Some(8)))
        .get("/", || "whole")
}

const TARGETS: [&str; 7] = [
    "/chunks/fail",
    "/chunks/panic",
    "/sized/short",
    "/sized/long",
    "/writer/fail",
    "/writer/panic",
    "/reader/short",
];

fn ask(mut client: Client, target: &str, version: &str) -> End {
    client.send(format!("GET {target} {version}\r\nHost: test\r\n\r\n"));
    client.end()
}

/// What a client can see of a body that is not whole: no last chunk, or fewer bytes than announced.
fn looks_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    match head.lines().find_map(|line| line.strip_prefix("Content-Length: ")) {
        Some(length) => body.len() >= length.parse().unwrap(),
        None => body.ends_with("0\r\n\r\n"),
    }
}

#[test]
fn a_body_that_breaks_off_does_not_look_whole() {
    let serving = Serving::start(router());
    for target in TARGETS {
        let end = ask(serving.client(), target, "HTTP/1.1");
        assert!(!looks_whole(end.bytes()), "{target}: {end:?}");
        assert_eq!(serving.client().get("/").text(), "whole", "after {target}");
    }
    until("all are counted", || serving.closes("answer_broken") == TARGETS.len() as u64);
    serving.end().unwrap();
}

/// HTTP/1.0 has no chunks: a body of unknown length ends with the connection, so only a reset tells (RFC 9112 section 8).
#[test]
fn where_the_end_of_the_connection_ends_the_body_it_is_reset() {
    let serving = Serving::start(router());
    for target in TARGETS.iter().filter(|target| !target.starts_with("/sized") && **target != "/reader/short")
    {
        let end = ask(serving.client(), target, "HTTP/1.0");
        assert!(matches!(end, End::Reset(_)), "{target}: {end:?}");
    }
    serving.end().unwrap();
}

/// More than was announced cannot be sent by mistake: it would be taken for the next answer.
#[test]
fn a_reader_that_has_more_than_announced_is_read_no_further() {
    let serving = Serving::start(router().get("/long", || Response::reader(io::repeat(b'x'), Some(8))));
    let mut client = serving.client();
    assert_eq!(client.get("/long").text(), "xxxxxxxx");
    assert_eq!(client.get("/").text(), "whole");
    serving.end().unwrap();
}
