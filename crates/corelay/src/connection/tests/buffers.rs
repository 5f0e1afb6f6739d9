//! What a connection keeps is counted, refused where there is no room, and given back however the connection goes on or ends.

use super::Rig;
use crate::config::Config;
use crate::connection::{CloseReason, Connection, Next};
use crate::http::{Response, Router, endpoint};
use bytes::Bytes;
use std::io::{Read, Write};
use std::sync::LazyLock;
use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// An answer that no socket takes at once.
const LARGE_BYTES: usize = 4 * MIB;

static CACHED: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![b'x'; LARGE_BYTES]));

fn router() -> Router {
    let chunks = || Response::chunks(std::iter::repeat_n(Bytes::from(vec![b'x'; 10 * KIB]), 1000).map(Ok));
    Router::new()
        .get("/", || "Hello, World!")
        .get("/large", || vec![b'x'; LARGE_BYTES])
        .get("/cached", || CACHED.clone())
        .get("/small", || vec![b'x'; 10 * KIB])
        .get("/chunks", chunks)
        .post("/length", |body: Bytes| body.len().to_string())
        .post("/panic", |_: Bytes| -> &str { panic!("on purpose") })
        .post("/apart", endpoint(|body: Bytes| body.len().to_string()).blocking())
}

fn rig(max_buffered_bytes: usize) -> Rig {
    let mut config = Config::default();
    config.limits.max_buffered_bytes = Some(max_buffered_bytes);
    Rig::with(config, router())
}

fn kept(rig: &Rig) -> usize {
    rig.server.app.buffers.in_use()
}

fn refused(rig: &Rig) -> u64 {
    rig.server.app.buffers.refused.read()
}

fn post(target: &str, length: usize) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n")
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n")
}

/// Sends it in pieces that a socket takes.
fn send(rig: &mut Rig, bytes: &[u8]) -> Option<CloseReason> {
    bytes.chunks(32 * KIB).find_map(|piece| rig.send(piece))
}

/// Reads until nothing more comes.
fn read_all(rig: &mut Rig) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let more = rig.received();
        if more.is_empty() {
            return all;
        }
        all.extend_from_slice(&more);
        rig.run();
    }
}

/// Part of a body is here.
fn gathering(target: &str) -> Rig {
    let mut rig = rig(8 * MIB);
    assert_eq!(rig.send(post(target, MIB)), None);
    assert_eq!(send(&mut rig, &vec![b'x'; 100 * KIB]), None);
    assert!(kept(&rig) >= 100 * KIB && kept(&rig) <= 200 * KIB, "{}", kept(&rig));
    rig
}

fn assert_refused(rig: &mut Rig, why: &str) {
    let answer = rig.received_text();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
    assert!(answer.ends_with(why), "{answer}");
    assert_eq!(refused(rig), 1);
}

#[test]
fn a_body_is_given_back_when_it_is_answered_also_by_a_panic_or_on_a_service_thread() {
    for (target, status) in [("/length", 200), ("/panic", 500), ("/apart", 200)] {
        let mut rig = gathering(target);
        assert_eq!(send(&mut rig, &vec![b'x'; MIB - 100 * KIB]), None);
        let answer = rig.received_text();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {answer}");
        assert_eq!(kept(&rig), 0, "{target}");
    }
}

#[test]
fn a_body_is_given_back_when_its_time_is_up_its_peer_is_gone_or_its_connection_is_dropped() {
    let mut late = gathering("/length");
    assert!(matches!(late.expire(), Next::Read));
    assert_eq!(kept(&late), 0);
    let mut gone = gathering("/length");
    gone.peer.shutdown(std::net::Shutdown::Both).unwrap();
    assert_eq!(gone.run(), Some(CloseReason::PeerClosedEarly));
    assert_eq!(kept(&gone), 0);
    let mut dropped = gathering("/length");
    dropped.connection = None;
    assert_eq!(kept(&dropped), 0);
}

#[test]
fn a_body_without_room_is_503_and_what_it_had_is_given_back() {
    let mut rig = rig(MIB);
    assert_eq!(rig.send(post("/length", 2 * MIB)), None);
    let body = vec![b'x'; 32 * KIB];
    while refused(&rig) == 0 {
        assert_eq!(rig.send(&body), None);
    }
    assert_refused(&mut rig, "there is no room for the body at present\n");
    assert_eq!(kept(&rig), 0);
}

#[test]
fn where_there_is_no_room_small_requests_in_two_pieces_are_served() {
    let mut rig = rig(0);
    assert_eq!(rig.send("GET / HTTP/1.1\r\nHo"), None);
    assert_eq!(rig.send("st: test\r\n\r\n"), None);
    assert_eq!(rig.send(post("/length", 1000)), None);
    assert_eq!(rig.send(vec![b'x'; 1000]), None);
    let answers = rig.received_text();
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 2, "{answers}");
    assert_eq!((kept(&rig), refused(&rig)), (0, 0));
}

#[test]
fn a_large_part_of_a_head_is_counted_and_refused_without_room() {
    let part = format!("GET / HTTP/1.1\r\nHost: test\r\nX: {}", "x".repeat(8 * KIB));
    let mut roomy = rig(MIB);
    assert_eq!(roomy.send(&part), None);
    assert!(kept(&roomy) >= 8 * KIB);
    assert_eq!(roomy.send("\r\n\r\n"), None);
    assert!(roomy.received_text().starts_with("HTTP/1.1 200 "));
    assert_eq!(kept(&roomy), 0);
    let mut full = rig(0);
    assert_eq!(full.send(&part), None);
    assert_refused(&mut full, "there is no room for the request at present\n");
    assert_eq!(kept(&full), 0);
}

#[test]
fn an_answer_is_kept_as_long_as_it_was_until_it_is_read() {
    let mut rig = rig(8 * MIB);
    assert_eq!(rig.send(get("/large")), None);
    assert!(kept(&rig) >= LARGE_BYTES && kept(&rig) <= LARGE_BYTES + 8 * KIB, "{}", kept(&rig));
    let mut some = vec![0; 256 * KIB];
    let count = rig.peer.read(&mut some).unwrap();
    assert_eq!(rig.run(), None);
    assert!(kept(&rig) >= LARGE_BYTES, "its memory is one piece");
    let answer = read_all(&mut rig);
    assert!(count + answer.len() > LARGE_BYTES);
    assert_eq!(kept(&rig), 0);
}

#[test]
fn an_answer_is_given_back_when_nobody_reads_it() {
    let mut rig = rig(8 * MIB);
    assert_eq!(rig.send(get("/large")), None);
    let left = rig.time_left();
    rig.pass(left + Duration::from_millis(1));
    let Next::Close(reason) = rig.expire() else { panic!("it is given up") };
    assert_eq!(rig.close(reason), Some(CloseReason::WriteTimeout));
    assert_eq!(kept(&rig), 0);
}

#[test]
fn an_answer_without_room_is_503_from_its_start() {
    for target in ["/large", "/chunks"] {
        let mut rig = rig(32 * KIB);
        assert_eq!(rig.send(get(target)), None);
        assert_refused(&mut rig, "there is no room for the answer at present\n");
        assert_eq!(kept(&rig), 0);
    }
}

#[test]
fn what_the_application_keeps_anyway_is_not_counted() {
    let mut rig = rig(32 * KIB);
    assert_eq!(rig.send(get("/cached")), None);
    assert_eq!(kept(&rig), 0);
    let answer = read_all(&mut rig);
    assert!(answer.starts_with(b"HTTP/1.1 200 ") && answer.len() > LARGE_BYTES);
}

#[test]
fn a_stream_is_kept_a_piece_at_a_time() {
    let mut rig = rig(MIB);
    assert_eq!(rig.send(get("/chunks")), None);
    assert!(kept(&rig) >= 64 * KIB && kept(&rig) <= 256 * KIB, "{}", kept(&rig));
    assert!(read_all(&mut rig).ends_with(b"\r\n0\r\n\r\n"));
    assert_eq!(kept(&rig), 0);
}

/// Sends requests until their answers are kept, or why it was closed.
fn pipeline(rig: &mut Rig) -> Option<CloseReason> {
    loop {
        if rig.peer.write_all(get("/small").repeat(64).as_bytes()).is_err() {
            return None;
        }
        match rig.serve() {
            Next::Write => return None,
            Next::Close(reason) => return rig.close(reason),
            _ => {}
        }
    }
}

#[test]
fn answers_that_are_not_read_are_kept_within_the_bound_and_cut_off_past_it() {
    let mut roomy = rig(8 * MIB);
    assert_eq!(pipeline(&mut roomy), None);
    assert!(kept(&roomy) > 10 * KIB);
    let received = read_all(&mut roomy);
    assert_eq!(kept(&roomy), 0);
    assert!(received.len() > 64 * 10 * KIB);
    let mut full = rig(8 * KIB);
    assert_eq!(pipeline(&mut full), Some(CloseReason::Overload));
    assert_eq!((kept(&full), refused(&full)), (0, 1));
}

#[test]
fn a_connection_that_moves_counts_where_it_is() {
    let mut rig = rig(MIB);
    let part = format!("GET / HTTP/1.1\r\nHost: test\r\nX: {}", "x".repeat(8 * KIB));
    assert_eq!(rig.send(part), None);
    let before = kept(&rig);
    let (now, server) = (rig.turn.now, rig.server.clone());
    let connection = rig.connection.take().unwrap();
    let (state, input) = (connection.state(&[], now, &server), connection.input().to_vec());
    let socket = connection.socket.try_clone().unwrap();
    drop(connection);
    assert_eq!(kept(&rig), 0);
    let moved = Connection::moved(socket, state, (&input, &[], &[]), now, &server);
    assert!(kept(&rig) >= 8 * KIB && kept(&rig) <= before, "{} of {before}", kept(&rig));
    drop(moved);
    assert_eq!(kept(&rig), 0);
}
