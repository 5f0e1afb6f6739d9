//! Requests sent without waiting for answers are answered in their order (RFC 9112 9.3.2).

use std::fmt::Write as _;
use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::sync::mpsc::{self, TryRecvError};
use std::thread;

use crate::on_every_engine;
use crate::support::{Engine, Server};

on_every_engine!(
    answers_come_in_order,
    a_body_ends_where_the_next_request_begins,
    a_slow_answer_is_not_overtaken,
    nothing_behind_a_close_is_answered,
    http_1_0_pipelines_when_kept_alive,
    what_comes_between_two_turns_is_read,
    a_greedy_connection_does_not_starve_another,
    a_pipelining_client_that_does_not_read_stops_being_read,
);

/// `count` requests whose answers say which they are the answers of.
fn numbered(count: usize) -> String {
    let mut requests = String::new();
    for number in 0..count {
        let body = number.to_string();
        let length = body.len();
        write!(requests, "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{body}")
            .expect("a String grows");
    }
    requests
}

fn answers_come_in_order(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send(numbered(64));
    for number in 0..64 {
        assert_eq!(client.response().text(), number.to_string());
    }
    assert_eq!(client.get("/plaintext").status, 200);
}

fn a_body_ends_where_the_next_request_begins(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    let chunked =
        "POST /upload HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let counted = "POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 18\r\n\r\nGET /json HTTP/1.1";
    client.send(format!("{chunked}{counted}{chunked}GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n"));
    for expected in ["3", "18", "3", "Hello, World!"] {
        let response = client.response();
        assert_eq!((response.status, response.text().trim_end()), (200, expected));
    }
}

fn a_slow_answer_is_not_overtaken(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send("GET /json HTTP/1.1\r\nHost: test\r\n\r\nGET /sleep/50 HTTP/1.1\r\nHost: test\r\n\r\nGET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n");
    assert!(client.response().text().starts_with('{'));
    assert_eq!(client.response().status, 200);
    assert_eq!(client.response().text(), "Hello, World!");
}

fn nothing_behind_a_close_is_answered(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send("GET /json HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\nGET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n");
    assert!(client.response().closes());
    client.expect_end();
}

fn http_1_0_pipelines_when_kept_alive(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send(
        "GET /json HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".repeat(3) + "GET /plaintext HTTP/1.0\r\n\r\n",
    );
    for _ in 0..3 {
        assert!(client.response().text().starts_with('{'));
    }
    assert_eq!(client.response().text(), "Hello, World!");
    client.expect_end();
}

/// The third request comes while the first is answered, and is told of before the second has its turn, which reads nothing.
fn what_comes_between_two_turns_is_read(engine: Engine) {
    let server = Server::start(engine, &["--cores", "1", "--max-pipelined", "1"]);
    let (mut client, mut other) = (server.connect(), server.connect());
    assert_eq!(client.get("/json").status, 200);
    client.send("GET /sleep/50 HTTP/1.1\r\nHost: test\r\n\r\nGET /json HTTP/1.1\r\nHost: test\r\n\r\n");
    for _ in 0..20 {
        assert_eq!(other.get("/json").status, 200);
    }
    client.send("GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response().status, 200);
    assert!(client.response().text().starts_with('{'));
    assert_eq!(client.response().text(), "Hello, World!");
}

/// Both connections share the one core, and the flood does not end before the other connection has its answers.
fn a_greedy_connection_does_not_starve_another(engine: Engine) {
    let server = Server::start(engine, &["--cores", "1"]);
    let (mut greedy, mut modest) = (server.connect(), server.connect());
    let (stop, stopped) = mpsc::channel::<()>();
    let mut stream = greedy.stream().try_clone().expect("a socket can be duplicated");
    let flood = thread::spawn(move || {
        let requests = "GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n".repeat(1_000);
        let mut sent = 0;
        while stopped.try_recv() == Err(TryRecvError::Empty) {
            stream.write_all(requests.as_bytes()).expect("the server reads on");
            sent += 1_000;
        }
        stream.shutdown(Shutdown::Write).expect("the connection is open");
        sent
    });
    let answers = thread::spawn(move || greedy.rest());
    for _ in 0..50 {
        assert_eq!(modest.get("/json").status, 200);
    }
    drop(stop);
    let sent: usize = flood.join().expect("the flood is written");
    let answers = answers.join().expect("the answers are read");
    let end = b"Hello, World!";
    let one = answers.windows(end.len()).position(|window| window == end).expect("an answer") + end.len();
    let last = String::from_utf8_lossy(&answers[answers.len().saturating_sub(2 * one)..]);
    assert_eq!(answers.len(), sent * one, "every request has its answer, but they end with {last:?}");
}

/// The client sends until the server takes no more, which never happens with a server that keeps unread answers in memory.
fn a_pipelining_client_that_does_not_read_stops_being_read(engine: Engine) {
    let server = Server::start(engine, &[]);
    let (client, mut other) = (server.connect(), server.connect());
    client.stream().set_nonblocking(true).expect("a socket can be non-blocking");
    let before = server.process().resident_bytes();
    let requests = "GET /bytes/10000 HTTP/1.1\r\nHost: test\r\n\r\n".repeat(1_000).into_bytes();
    let (mut sent, mut refused) = (0, 0);
    // Twenty refusals in a row, a round trip on another connection between them, in which the server could have read.
    while refused < 20 {
        match client.stream().write(&requests[sent % requests.len()..]) {
            Ok(written) => (sent, refused) = (sent + written, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => refused += 1,
            Err(error) => panic!("the server gave the connection up: {error}"),
        }
        assert!(sent < 256 << 20, "the server still reads");
        assert_eq!(other.get("/plaintext").status, 200);
    }
    let grown = server.process().resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "the server keeps {grown} bytes for a peer that does not read");
}
