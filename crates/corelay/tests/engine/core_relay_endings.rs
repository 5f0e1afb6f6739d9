//! How a connection goes on, or ends, after the core was taken from its handler.

use super::support::{Client, End, Gates, Serving, StillClock, one_core, until};
use corelay::Router;
use corelay::config::Config;
use corelay::http::{IntoResponse, Path, Response, endpoint};
use std::time::Duration;

fn serving(config: Config) -> (Serving, Gates) {
    let gates = Gates::default();
    let passing = gates.clone();
    let wait = move |Path((size, gate)): Path<(usize, String)>| {
        passing.pass(&gate);
        vec![b'x'; size]
    };
    let passing = gates.clone();
    let last = move || -> Response {
        passing.pass("last");
        "waited".into_response().header("connection", "close")
    };
    let router = Router::new()
        .get("/wait/{size}/{gate}", endpoint(wait).inline())
        .get("/last", endpoint(last).inline())
        .get("/", || "served");
    (Serving::with(config, router), gates)
}

fn stuck(serving: &Serving, gates: &Gates, gate: &str, request: &str) -> Client {
    let mut client = serving.client();
    client.send(request);
    gates.wait_for_take(gate, serving);
    client
}

#[test]
fn a_peer_that_wants_no_more_gets_its_answer_and_the_end() {
    for request in [
        "GET /wait/6/a HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
        "GET /wait/6/a HTTP/1.0\r\n\r\n",
    ] {
        let (serving, gates) = serving(one_core());
        let mut client = stuck(&serving, &gates, "a", request);
        gates.open("a");
        let answer = client.answer();
        assert_eq!((answer.text(), answer.closes()), ("xxxxxx", true), "{request}");
        assert_eq!(client.end(), End::Clean(Vec::new()));
        until("it is counted", || serving.closes("last_answer") == 1 && serving.status().connections == 0);
        serving.end().unwrap();
    }
}

#[test]
fn http_1_0_may_be_kept_alive() {
    let (serving, gates) = serving(one_core());
    let request = "GET /wait/6/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let mut client = stuck(&serving, &gates, "a", request);
    gates.open("a");
    assert_eq!(client.answer().text(), "xxxxxx");
    assert_eq!(client.get("/").text(), "served");
    serving.end().unwrap();
}

/// The rest of its answer is sent by whoever has the core when the reader takes it; others do not wait.
#[test]
fn a_slow_reader_gets_a_large_answer_whole() {
    const SIZE: usize = 20_000_000;
    let (serving, gates) = serving(one_core());
    let request = format!("GET /wait/{SIZE}/a HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut slow = stuck(&serving, &gates, "a", &request);
    gates.open("a");
    let head = slow.head();
    assert!(head.contains(&format!("{SIZE}")), "{head}");
    assert_eq!(serving.client().get("/").text(), "served");
    assert_eq!(slow.exactly(SIZE), vec![b'x'; SIZE]);
    assert_eq!(slow.get("/").text(), "served");
    serving.end().unwrap();
}

#[test]
fn a_reader_that_takes_nothing_is_given_up() {
    let mut config = one_core();
    config.deadlines.write_timeout = Duration::from_millis(200);
    let (serving, gates) = serving(config);
    let slow = stuck(&serving, &gates, "a", "GET /wait/20000000/a HTTP/1.1\r\nHost: test\r\n\r\n");
    gates.open("a");
    until("it is given up", || serving.closes("write_timeout") == 1);
    assert_eq!(serving.status().connections, 0);
    drop(slow);
    serving.end().unwrap();
}

/// A peer that would go on, and is told that this was the last answer, has `linger_timeout` to close, no more.
#[test]
fn a_peer_that_does_not_close_is_not_waited_for_longer_than_any_other() {
    let mut config = one_core();
    config.deadlines.linger_timeout = Duration::from_millis(100);
    config.deadlines.body_timeout = Duration::from_secs(3600);
    let (serving, gates) = serving(config);
    let mut client = stuck(&serving, &gates, "last", "GET /last HTTP/1.1\r\nHost: test\r\n\r\n");
    gates.open("last");
    let answer = client.answer();
    assert_eq!((answer.text(), answer.closes()), ("waited", true));
    until("it is closed", || serving.status().connections == 0);
    assert_eq!(serving.closes("last_answer"), 1);
    assert_eq!(client.end(), End::Clean(Vec::new()));
    serving.end().unwrap();
}

/// What it sends behind the last answer is dropped; a reset must not overtake the answer.
#[test]
fn a_peer_that_sends_on_behind_the_last_answer_reads_it() {
    let (serving, gates) = serving(one_core());
    let mut client = stuck(&serving, &gates, "last", "GET /last HTTP/1.1\r\nHost: test\r\n\r\n");
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n".repeat(100));
    gates.open("last");
    assert_eq!(client.answer().text(), "waited");
    client.finish();
    assert_eq!(client.end(), End::Clean(Vec::new()), "nothing behind the last answer is answered");
    until("it is closed", || serving.status().connections == 0);
    serving.end().unwrap();
}

/// Longer than the idle time in a handler: its connection was not idle.
#[test]
fn idle_time_begins_with_the_answer_and_not_before() {
    let gates = Gates::default();
    let passing = gates.clone();
    let wait = endpoint(move || passing.pass("a")).inline();
    let clock = StillClock::new();
    let serving = Serving::with_clock(
        one_core(),
        clock.clone(),
        Router::new().get("/wait", wait).get("/", || "served"),
    );
    let mut client = stuck(&serving, &gates, "a", "GET /wait HTTP/1.1\r\nHost: test\r\n\r\n");
    clock.advance(Duration::from_secs(3600));
    // The core has read the clock since: one that had not would take the connection home an hour too early.
    assert_eq!(serving.client().get("/").text(), "served");
    gates.open("a");
    assert_eq!(client.answer().status, 200);
    for _ in 0..10 {
        assert_eq!(serving.client().get("/").text(), "served");
    }
    assert_eq!(client.get("/").text(), "served");
    assert_eq!(serving.closes("idle_timeout"), 0);
    serving.end().unwrap();
}
