//! A body that a handler reads as it arrives holds up its service thread, and nothing else.

use super::support::{PATIENCE, Serving};
use corelay::Router;
use corelay::http::{Body, BodyError};
use std::io::{self, Read};
use std::sync::mpsc::channel;

#[test]
fn a_slow_body_arrives_in_pieces_while_the_core_serves_others() {
    let (report, pieces) = channel();
    let count = move |mut body: Body| -> io::Result<String> {
        let (mut buffer, mut total) = ([0; 1024], 0);
        loop {
            let count = body.read(&mut buffer)?;
            if count == 0 {
                return Ok(total.to_string());
            }
            total += count;
            report.send(buffer[..count].to_vec()).unwrap();
        }
    };
    let serving = Serving::start(Router::new().post("/count", count).get("/", || "at once"));
    let (mut slow, mut other) = (serving.client(), serving.client());
    slow.send("POST /count HTTP/1.1\r\nHost: test\r\nContent-Length: 15\r\n\r\n");
    for piece in ["first", "then ", "after"] {
        slow.send(piece);
        let arrived = pieces.recv_timeout(PATIENCE).expect("a piece is read when it is there");
        assert_eq!(arrived, piece.as_bytes());
        assert_eq!(other.get("/").text(), "at once");
    }
    assert_eq!(slow.answer().text(), "15");
    assert_eq!(slow.get("/").text(), "at once", "the connection goes on");
    serving.end().unwrap();
}

#[test]
fn a_body_that_breaks_off_is_an_error_that_says_whose_fault_it_is() {
    let (report, outcomes) = channel();
    let read = move |mut body: Body| {
        let outcome = io::copy(&mut body, &mut io::sink());
        let status = outcome.as_ref().err().and_then(BodyError::of).map(|error| error.status().as_u16());
        report.send((outcome.is_ok(), status)).unwrap();
        outcome.map(|_| "whole")
    };
    let serving = Serving::start(Router::new().post("/", read));
    let head = "POST / HTTP/1.1\r\nHost: test\r\n";
    for (rest, answered) in [
        ("Content-Length: 10\r\n\r\nhalf", true),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello", true),
        ("Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", true),
    ] {
        let mut client = serving.client();
        client.send(format!("{head}{rest}"));
        client.finish();
        assert_eq!(outcomes.recv_timeout(PATIENCE).unwrap(), (false, Some(400)), "{rest:?}");
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (400, answered), "{rest:?}");
    }
    serving.end().unwrap();
}
