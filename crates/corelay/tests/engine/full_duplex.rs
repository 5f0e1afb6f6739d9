//! An answer may be written while its request is still being read.

use super::support::{Client, Serving};
use corelay::Router;
use corelay::http::{Body, Response};
use std::io::Read;

/// Sends each piece back as it comes.
fn echo(mut body: Body) -> Response {
    Response::writer(move |out| {
        let mut buffer = [0; 4096];
        loop {
            match body.read(&mut buffer)? {
                0 => return Ok(()),
                count => out.write_all(&buffer[..count])?,
            }
            out.flush()?;
        }
    })
}

fn serving() -> Serving {
    Serving::start(Router::new().post("/echo", echo).get("/", || "next"))
}

fn converse(client: &mut Client, wrap: impl Fn(&str) -> String) {
    for piece in ["one", "three", "seven"] {
        client.send(wrap(piece));
        assert_eq!(
            client.chunk().as_deref(),
            Some(piece.as_bytes()),
            "the echo, before the next piece is sent"
        );
    }
}

#[test]
fn a_chunked_body_is_echoed_piece_by_piece() {
    let serving = serving();
    let mut client = serving.client();
    client.send("POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 200 "), "the answer begins before the body does");
    converse(&mut client, |piece| format!("{:x}\r\n{piece}\r\n", piece.len()));
    client.send("0\r\n\r\n");
    assert_eq!(client.chunk(), None);
    assert_eq!(client.get("/").text(), "next", "and the connection goes on");
    serving.end().unwrap();
}

#[test]
fn a_body_of_known_length_is_echoed_piece_by_piece() {
    let serving = serving();
    let mut client = serving.client();
    client.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 13\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 200 "));
    converse(&mut client, str::to_owned);
    assert_eq!(client.chunk(), None, "13 bytes are all of it");
    assert_eq!(client.get("/").text(), "next");
    serving.end().unwrap();
}

/// A `100 Continue` belongs before the answer, never into it (RFC 9110 section 15.2).
#[test]
fn a_peer_that_waits_to_be_asked_is_asked_before_the_answer_begins() {
    let serving = serving();
    let mut client = serving.client();
    client.send("POST /echo HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 13\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 100 "));
    assert!(client.head().starts_with("HTTP/1.1 200 "));
    converse(&mut client, str::to_owned);
    assert_eq!(client.chunk(), None);
    assert_eq!(client.get("/").text(), "next");
    serving.end().unwrap();
}
