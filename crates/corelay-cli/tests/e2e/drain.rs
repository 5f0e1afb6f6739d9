//! SIGTERM and SIGINT: nothing new, what is in flight is finished, exit 0; past the deadline, exit 1.

use rustix::process::Signal;

use crate::on_every_engine;
use crate::support::{Client, Engine, Server};

on_every_engine!(
    a_server_without_work_ends_at_once,
    a_signal_right_after_the_announcement_drains,
    a_request_in_flight_is_finished_and_idle_connections_close,
    an_answer_under_way_is_sent_whole,
    past_the_deadline_the_exit_code_is_1,
    a_second_signal_exits_now,
    during_the_delay_the_server_is_unready_and_serves,
    after_the_delay_it_drains,
);

/// A connection whose request is in its handler for certain: the handler has asked for the body.
fn in_flight(server: &Server) -> Client {
    let mut client = server.connect();
    client.send("POST /upload HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.response().status, 100);
    client
}

fn idle(server: &Server) -> Client {
    let mut client = server.connect();
    assert_eq!(client.get("/plaintext").status, 200);
    client
}

fn a_server_without_work_ends_at_once(engine: Engine) {
    for signal in [Signal::TERM, Signal::INT] {
        let server = Server::start(engine, &["--drain", "1h"]);
        let mut clients: Vec<_> = (0..10).map(|_| idle(&server)).collect();
        server.signal(signal);
        clients.iter_mut().for_each(Client::expect_end);
        assert_eq!(server.wait().code, 0);
    }
}

/// A supervisor may change its mind as soon as it has read where the server listens.
fn a_signal_right_after_the_announcement_drains(engine: Engine) {
    for _ in 0..10 {
        let server = Server::start(engine, &[]);
        server.signal(Signal::TERM);
        assert_eq!(server.wait().code, 0);
    }
}

fn a_request_in_flight_is_finished_and_idle_connections_close(engine: Engine) {
    let server = Server::start(engine, &["--drain", "1h"]);
    let (mut busy, mut idle) = (in_flight(&server), idle(&server));
    server.signal(Signal::TERM);
    idle.expect_end();
    busy.send("hello");
    let response = busy.response();
    assert_eq!((response.status, response.text().trim_end(), response.closes()), (200, "5", true));
    busy.expect_end();
    assert_eq!(server.wait().code, 0);
}

fn an_answer_under_way_is_sent_whole(engine: Engine) {
    let server = Server::start(engine, &["--drain", "1h"]);
    let (mut busy, mut idle) = (server.connect_with_receive_buffer(64 * 1024), idle(&server));
    busy.send("GET /bytes/20000000 HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(busy.response_head().status, 200);
    server.signal(Signal::TERM);
    idle.expect_end();
    busy.exactly(20_000_000);
    busy.expect_end();
    assert_eq!(server.wait().code, 0);
}

fn past_the_deadline_the_exit_code_is_1(engine: Engine) {
    let server = Server::start(engine, &["--drain", "300ms"]);
    let mut busy = in_flight(&server);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code, 1);
    busy.expect_any_end();
}

fn a_second_signal_exits_now(engine: Engine) {
    let server = Server::start(engine, &["--drain", "1h", "--body-timeout", "1h"]);
    let (_busy, mut idle) = (in_flight(&server), idle(&server));
    server.signal(Signal::TERM);
    idle.expect_end();
    server.signal(Signal::TERM);
    assert_ne!(server.wait().code, 0, "what was in flight was cut off");
}

fn during_the_delay_the_server_is_unready_and_serves(engine: Engine) {
    let server = Server::start(engine, &["--drain-delay", "1h"]);
    let mut client = idle(&server);
    assert!(is_ready(&mut client));
    server.signal(Signal::TERM);
    while is_ready(&mut client) {}
    assert!(!is_ready(&mut server.connect()), "new connections are still served");
    assert_eq!(server.connect().get("/plaintext").status, 200);
    server.signal(Signal::TERM);
    server.wait();
}

/// What a load balancer's probe sees.
fn is_ready(client: &mut Client) -> bool {
    let status = client.get("/status");
    let status: serde_json::Value = serde_json::from_slice(&status.body).expect("JSON");
    status["ready"].as_bool().expect("whether the server is ready")
}

fn after_the_delay_it_drains(engine: Engine) {
    let server = Server::start(engine, &["--drain-delay", "300ms", "--drain", "1h"]);
    let mut client = idle(&server);
    server.signal(Signal::TERM);
    client.expect_end();
    assert_eq!(server.wait().code, 0);
}
