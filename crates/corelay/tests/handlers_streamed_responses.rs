//! Responses that are made while they are sent: chunks, writers, readers.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use std::io::{self, Cursor, Read};

use bytes::Bytes;
use corelay::Router;
use corelay::http::{IntoResponse, Response, StatusCode, TestClient, TestResponse};

fn answer<R: IntoResponse + 'static>(make: impl Fn() -> R + Send + Sync + 'static) -> TestResponse {
    TestClient::new(Router::new().get("/", make)).unwrap().get("/").send()
}

#[test]
fn chunks_follow_each_other() {
    let response = answer(|| Response::chunks((0..1000).map(|n| Ok(Bytes::from(n.to_string())))));
    assert_eq!(response.text(), (0..1000).map(|n| n.to_string()).collect::<String>());
    assert!(response.body_error().is_none());
}

#[test]
fn a_chunk_that_fails_ends_the_body_badly() {
    let response = answer(|| {
        let chunks =
            [Ok(Bytes::from_static(b"one")), Err(io::Error::other("broken")), Ok(Bytes::from_static(b"two"))];
        Response::chunks(chunks)
    });
    assert_eq!((response.status().as_u16(), response.text().as_str()), (200, "one"));
    assert_eq!(response.body_error().unwrap().to_string(), "broken");
}

#[test]
fn chunks_of_known_length_are_held_to_it() {
    for (length, whole) in [(6, true), (5, false), (7, false)] {
        let chunks = [Bytes::from_static(b"one"), Bytes::new(), Bytes::from_static(b"two")];
        let response = answer(move || Response::sized_chunks(length, chunks.clone().map(Ok)));
        assert_eq!(
            (response.text().as_str(), response.body_error().is_none()),
            ("onetwo", whole),
            "{length}"
        );
    }
}

#[test]
fn a_writer_writes_until_it_returns() {
    let response = answer(|| {
        let write = |out: &mut dyn io::Write| (0..3).try_for_each(|n| writeln!(out, "line {n}"));
        Response::writer(write).status(StatusCode::CREATED).header("content-type", "text/plain")
    });
    assert_eq!((response.status().as_u16(), response.text().as_str()), (201, "line 0\nline 1\nline 2\n"));
    let failed = answer(|| Response::writer(|_| Err(io::Error::other("gave up"))));
    assert_eq!(failed.body_error().unwrap().to_string(), "gave up");
}

#[test]
fn a_reader_is_copied_to_its_end() {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let copy = bytes.clone();
    assert_eq!(answer(move || Response::reader(Cursor::new(copy.clone()), None)).bytes(), bytes);
}

#[test]
fn a_reader_of_known_length_is_held_to_it() {
    let longer = answer(|| Response::reader(Cursor::new("0123456789"), Some(4)));
    assert_eq!((longer.text().as_str(), longer.body_error().is_none()), ("0123", true));
    let shorter = answer(|| Response::reader(Cursor::new("012"), Some(4)));
    assert_eq!(shorter.body_error().unwrap().kind(), io::ErrorKind::UnexpectedEof);
    let known = Response::reader(Cursor::new("0123456789"), Some(4));
    assert_eq!(known.body_length(), Some(4));
}

#[test]
fn a_reader_that_is_interrupted_is_read_again() {
    struct Hiccup(Option<io::Error>, Cursor<&'static [u8]>);
    impl Read for Hiccup {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.take() {
                Some(error) => Err(error),
                None => self.1.read(buffer),
            }
        }
    }
    let response = answer(|| {
        let interrupted = Some(io::ErrorKind::Interrupted.into());
        Response::reader(Hiccup(interrupted, Cursor::new(b"whole")), None)
    });
    assert_eq!((response.text().as_str(), response.body_error().is_none()), ("whole", true));
}
