//! A handler that blocks: on every engine each request is answered once and in order, and a drain waits for it. Whom it keeps
//! waiting is what the engines differ in (`docs/engines.md`).

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::on_every_engine;
use crate::support::{Client, Engine, PATIENCE, Server};

on_every_engine!(
    requests_behind_a_sleeper_are_answered_in_order,
    a_sleeper_keeps_waiting_whom_its_engine_lets_wait,
    peers_that_leave_while_their_handler_sleeps_are_counted_out,
    a_drain_waits_for_a_sleeper,
    a_drain_does_not_wait_for_ever_for_sleepers,
);

fn request(client: &mut Client, target: &str) {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
}

/// Asks until the condition holds.
fn until(what: &str, server: &Server, condition: impl Fn(&Value) -> bool) {
    let begun = Instant::now();
    loop {
        let status = serde_json::from_slice(&server.connect().get("/status").body).expect("JSON");
        if condition(&status) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "still not: {what}: {status}");
    }
}

fn requests_behind_a_sleeper_are_answered_in_order(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut sleepers: Vec<Client> = (0..20).map(|_| server.connect()).collect();
    for (number, client) in sleepers.iter_mut().enumerate() {
        client.send(
            ["/plaintext", &format!("/sleep/{}", 20 + number), "/json", &format!("/spin/{number}")]
                .map(|target| format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"))
                .concat(),
        );
    }
    for (number, client) in sleepers.iter_mut().enumerate() {
        assert_eq!(client.response().text(), "Hello, World!");
        assert_eq!(client.response().text(), format!("slept {} ms\n", 20 + number));
        assert_eq!(client.response().status, 200);
        assert_eq!(client.response().text(), format!("spun {number} us\n"));
        assert_eq!(client.get("/plaintext").text(), "Hello, World!", "and nothing came twice");
    }
}

/// Two sleepers and two processors: on `cores` and `threads` nobody waits for them, on `pool` everybody does.
fn a_sleeper_keeps_waiting_whom_its_engine_lets_wait(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut other = server.connect();
    assert_eq!(other.get("/plaintext").status, 200);
    let mut sleepers: Vec<Client> = (0..2).map(|_| server.connect()).collect();
    sleepers.iter_mut().for_each(|client| request(client, "/sleep/3000"));
    // Both have begun when the rest of the server is idle, or is all of it asleep in them.
    let begun = Instant::now();
    while !server.process().sleeps() {
        assert!(begun.elapsed() < PATIENCE, "the server does not come to rest");
    }
    assert_eq!(other.get("/plaintext").status, 200);
    let over = sleepers.iter().filter(|sleeper| sleeper.has_answer()).count();
    if engine.name == "pool" {
        assert!(over > 0, "a worker was there for another while both were asleep");
    } else {
        assert_eq!(over, 0, "an answer took longer than three seconds");
    }
    for sleeper in &mut sleepers {
        assert_eq!(sleeper.response().text(), "slept 3000 ms\n");
        assert_eq!(sleeper.get("/plaintext").status, 200, "its connection goes on");
    }
}

fn peers_that_leave_while_their_handler_sleeps_are_counted_out(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut leaving: Vec<TcpStream> = Vec::new();
    for number in 0..12 {
        let mut client = server.connect();
        request(&mut client, "/sleep/100");
        if number % 3 == 0 {
            client.finish_sending();
        }
        leaving.push(client.into_idle());
    }
    for (number, mut stream) in leaving.into_iter().enumerate() {
        if number % 3 == 0 {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer and the end");
            assert!(answer.ends_with("slept 100 ms\n"), "{answer}");
        } else if number % 3 == 1 {
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).expect("SO_LINGER");
        }
    }
    until("no connection but the one that asks is left", &server, |status| {
        status["connections"].as_u64() == Some(1)
    });
}

fn a_drain_waits_for_a_sleeper(engine: Engine) {
    let server = Server::start(engine, &["--drain", "1h"]);
    let (mut sleeper, mut idle) = (server.connect(), server.connect());
    assert_eq!(idle.get("/plaintext").status, 200);
    request(&mut sleeper, "/sleep/1000");
    until("its handler has begun", &server, |status| status["connections"].as_u64() >= Some(3));
    server.signal(Signal::TERM);
    idle.expect_end();
    let response = sleeper.response();
    assert_eq!((response.text(), response.closes()), ("slept 1000 ms\n", true));
    sleeper.expect_end();
    assert_eq!(server.wait().code, 0);
}

fn a_drain_does_not_wait_for_ever_for_sleepers(engine: Engine) {
    let server = Server::start(engine, &["--drain", "100ms"]);
    let mut sleepers: Vec<Client> = (0..5).map(|_| server.connect()).collect();
    // All are connected, and the first of them are in their handlers for as long as the test lasts.
    sleepers.iter_mut().for_each(|client| request(client, "/sleep/60000"));
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code, 1);
    sleepers.iter_mut().for_each(Client::expect_any_end);
}
