//! When its deadline comes, what a connection was doing decides what its peer hears: a 408 for a request that has begun,
//! nothing else.

use super::Rig;
use crate::clock::Tick;
use crate::config::Deadlines;
use crate::connection::{CloseReason, Next};
use crate::http::Router;
use std::io::{Read, Write};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// What coarse deadlines are late by, at most: two ticks.
const LATE: Duration = Duration::from_millis(135);

static LARGE: [u8; 4 * 1024 * 1024] = [b'x'; 4 * 1024 * 1024];

fn rig() -> Rig {
    let router = Router::new()
        .get("/", || "Hello, World!")
        .get("/large", || &LARGE[..])
        .post("/echo", |body: Vec<u8>| body)
        .post("/unread", || "answered");
    Rig::new(router)
}

fn assert_due_in(rig: &mut Rig, timeout: Duration) {
    let left = rig.time_left();
    assert!(left >= timeout && left <= timeout + LATE, "{left:?} is not {timeout:?}");
}

fn deadlines() -> Deadlines {
    Deadlines::default()
}

fn assert_closes(next: &Next, reason: CloseReason) {
    assert!(matches!(next, Next::Close(found) if *found == reason), "not closed as {}", reason.name());
}

/// A 408 is sent, and read by a peer that then closes.
fn assert_408(rig: &mut Rig, next: &Next, reason: CloseReason) {
    assert!(matches!(next, Next::Read), "it lingers, so that the 408 is read");
    let answer = rig.received_text();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\r\nConnection: close\r\n"), "{answer}");
    rig.peer.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(rig.run(), Some(reason));
}

#[test]
fn a_new_connection_that_says_nothing_is_closed_without_a_word() {
    let mut rig = rig();
    assert_eq!(rig.run(), None);
    assert_due_in(&mut rig, deadlines().head_timeout);
    let next = rig.expire();
    assert_closes(&next, CloseReason::IdleTimeout);
    assert_eq!(rig.received_text(), "");
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let mut rig = rig();
    rig.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert!(rig.received_text().ends_with("Hello, World!"));
    assert_due_in(&mut rig, deadlines().idle_timeout);
    let next = rig.expire();
    assert_closes(&next, CloseReason::IdleTimeout);
    assert_eq!(rig.received_text(), "");
}

#[test]
fn a_head_that_is_late_is_408_and_trickling_gains_no_time() {
    let mut rig = rig();
    rig.send("GET / HTTP/1.1\r\n");
    assert_due_in(&mut rig, deadlines().head_timeout);
    let due = rig.connection().deadline;
    for byte in ["H", "o", "s", "t"] {
        rig.pass(2 * SECOND);
        rig.send(byte);
        assert_eq!(rig.connection().deadline, due, "a head has one deadline");
    }
    let next = rig.expire();
    assert_408(&mut rig, &next, CloseReason::HeadTimeout);
}

#[test]
fn a_head_behind_an_answered_request_has_a_time_of_its_own() {
    let mut rig = rig();
    rig.send("GET / HTTP/1.1\r\nHo");
    rig.pass(5 * SECOND);
    rig.send("st: test\r\n\r\nGET / HT");
    assert_due_in(&mut rig, deadlines().head_timeout);
}

#[test]
fn a_body_to_be_gathered_that_stands_still_is_408() {
    let mut rig = rig();
    rig.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf");
    assert_due_in(&mut rig, deadlines().body_timeout);
    rig.pass(10 * SECOND);
    rig.send("more");
    assert_due_in(&mut rig, deadlines().body_timeout);
    let next = rig.expire();
    assert_408(&mut rig, &next, CloseReason::BodyTimeout);
}

#[test]
fn a_body_nobody_wants_that_stands_still_is_closed_behind_its_answer() {
    let mut rig = rig();
    rig.send("POST /unread HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf");
    assert!(rig.received_text().ends_with("answered"));
    assert_due_in(&mut rig, deadlines().body_timeout);
    assert!(matches!(rig.expire(), Next::Read));
    assert_eq!(rig.received_text(), "", "it was answered already");
    rig.peer.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(rig.run(), Some(CloseReason::BodyTimeout));
}

#[test]
fn a_body_that_trickles_is_408_when_its_time_of_grace_is_over() {
    let mut rig = rig();
    rig.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n");
    for _ in 0..3 {
        rig.pass(10 * SECOND);
        assert_eq!(rig.send("x"), None);
        assert_eq!(rig.received_text(), "", "within the time of grace any pace will do");
    }
    rig.pass(10 * SECOND);
    assert_eq!(rig.send("x"), None);
    let answer = rig.received_text();
    assert!(answer.starts_with("HTTP/1.1 408 "), "4 bytes in 40 s: {answer}");
    rig.peer.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(rig.run(), Some(CloseReason::BodyTooSlow));
}

#[test]
fn a_body_that_keeps_the_least_pace_may_take_its_time() {
    let mut rig = rig();
    let piece = "x".repeat(640);
    rig.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 12800\r\n\r\n");
    for _ in 0..20 {
        rig.pass(10 * SECOND);
        assert_eq!(rig.send(&piece), None);
    }
    assert!(rig.received_text().starts_with("HTTP/1.1 200 "), "64 bytes a second for 200 s");
}

#[test]
fn an_unwanted_body_that_trickles_is_closed() {
    let mut rig = rig();
    rig.send("POST /unread HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n");
    rig.pass(31 * SECOND);
    assert_eq!(rig.send("x"), Some(CloseReason::BodyTooSlow));
}

#[test]
fn an_answer_nobody_takes_is_given_up_and_every_byte_taken_gains_time() {
    let mut rig = rig();
    rig.send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_due_in(&mut rig, deadlines().write_timeout);
    let due = rig.connection().deadline;
    rig.pass(10 * SECOND);
    assert!(matches!(rig.serve(), Next::Write));
    assert_eq!(rig.connection().deadline, due, "nothing was taken");
    assert!(!rig.received().is_empty());
    assert!(matches!(rig.serve(), Next::Write));
    assert_due_in(&mut rig, deadlines().write_timeout);
    rig.pass(deadlines().write_timeout + LATE);
    let next = rig.expire();
    assert_closes(&next, CloseReason::WriteTimeout);
}

/// The kernel says that there is room again when a good part of its buffer is free. Until then a peer that takes little shows in
/// what is unacknowledged alone.
#[test]
fn a_peer_that_takes_too_little_to_make_room_gains_time_as_well() {
    let mut rig = rig();
    rig.send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n");
    for _ in 0..3 {
        rig.pass(deadlines().write_timeout);
        rig.peer.read_exact(&mut [0; 64 * 1024]).unwrap();
        assert!(matches!(rig.expire(), Next::Write));
        assert_due_in(&mut rig, deadlines().write_timeout);
    }
    rig.pass(deadlines().write_timeout + LATE);
    let next = rig.expire();
    assert_closes(&next, CloseReason::WriteTimeout);
}

#[test]
fn a_peer_that_does_not_read_is_not_read_from() {
    let mut rig = rig();
    rig.send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n");
    let received = rig.turn.tally.counters.received_bytes.read();
    rig.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(rig.turn.tally.counters.received_bytes.read(), received);
    let mut answers = rig.received();
    while !answers.ends_with(b"Hello, World!") {
        assert_eq!(rig.run(), None);
        answers.append(&mut rig.received());
    }
    assert!(answers.len() > LARGE.len(), "both answers");
}

#[test]
fn a_refused_peer_is_listened_to_while_it_sends_and_no_longer_than_ten_times_its_silence() {
    let mut rig = rig();
    rig.send("nonsense\r\n\r\n");
    assert!(rig.received_text().starts_with("HTTP/1.1 400 "));
    assert_due_in(&mut rig, deadlines().linger_timeout);
    let in_all = rig.turn.now.tick.after(Tick::spanning(deadlines().linger_timeout * 10));
    for _ in 0..30 {
        rig.pass(SECOND);
        assert_eq!(rig.send("more of it"), None);
        assert!(rig.connection().deadline <= in_all);
    }
    assert_eq!(rig.connection().deadline, in_all);
    assert_eq!(rig.received_text(), "");
    let next = rig.expire();
    assert_closes(&next, CloseReason::Malformed);
}

/// The server was stopped, or had no processor: what its peers sent in time is no less in time for that.
#[test]
fn what_came_while_the_server_was_away_is_read_before_anybody_is_called_late() {
    for (first, rest) in [
        ("", "GET / HTTP/1.1\r\nHost: test\r\n\r\n"),
        ("GET / HTTP/1.1\r\nHo", "st: test\r\n\r\n"),
        ("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 13\r\n\r\nHello", ", World!"),
    ] {
        let mut rig = rig();
        rig.send(first);
        rig.peer.write_all(rest.as_bytes()).unwrap();
        rig.pass(10 * deadlines().body_timeout);
        assert!(matches!(rig.expire(), Next::Read));
        let answer = rig.received_text();
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("Hello, World!"),
            "{first}: {answer}"
        );
        assert_due_in(&mut rig, deadlines().idle_timeout);
    }
}

#[test]
fn a_head_that_is_late_is_so_for_all_of_its_bytes_but_the_last() {
    let mut rig = rig();
    rig.send("GET / HTTP/1.1\r\n");
    rig.peer.write_all(b"Host: test\r\n").unwrap();
    rig.pass(2 * deadlines().head_timeout);
    let next = rig.expire();
    assert_408(&mut rig, &next, CloseReason::HeadTimeout);
}

#[test]
fn a_body_that_is_whole_is_not_too_slow() {
    let mut rig = rig();
    rig.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\n");
    for _ in 0..3 {
        rig.pass(10 * SECOND);
        assert_eq!(rig.send("x"), None);
    }
    rig.pass(10 * SECOND);
    assert_eq!(rig.send("x"), None);
    assert!(rig.received_text().ends_with("xxxx"), "in 40 s what may be slow for 30, and whole");
}
