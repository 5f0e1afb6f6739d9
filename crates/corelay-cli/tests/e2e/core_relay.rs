//! A handler that blocks keeps its own connection waiting: its core goes on with another thread, and learns.

use std::io::Read;
use std::net::TcpStream;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::Value;

use crate::on_cores;
use crate::support::{Client, Engine, PATIENCE, Server};

on_cores!(
    others_are_served_while_a_handler_sleeps,
    others_are_served_while_a_handler_burns_cpu_time,
    many_sleepers_at_once_are_each_answered_once,
    without_relay_a_sleeper_holds_up_its_core,
    a_route_that_keeps_sleeping_is_learnt_and_unlearnt,
    past_the_limit_of_threads_a_learnt_route_is_503,
    nothing_is_left_of_relays_when_all_is_quiet,
    peers_that_leave_while_their_handler_sleeps_are_counted_out,
    a_drain_waits_for_a_sleeper,
    a_drain_does_not_wait_for_ever_for_sleepers,
    what_the_flags_mean_is_checked,
);

/// One core, so that whoever sleeps would be in everybody's way.
fn start(engine: Engine, flags: &[&str]) -> Server {
    Server::start(engine, &[&["--cores", "1"], flags].concat())
}

fn status(server: &Server) -> Value {
    serde_json::from_slice(&server.connect().get("/status").body).expect("JSON")
}

fn core(server: &Server, counter: &str) -> u64 {
    let status = status(server);
    status["cores"][0][counter].as_u64().unwrap_or_else(|| panic!("{counter} is not in {status}"))
}

fn until(what: &str, server: &Server, condition: impl Fn(&Value) -> bool) {
    let begun = Instant::now();
    loop {
        let status = status(server);
        if condition(&status) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "still not: {what}: {status}");
    }
}

fn request(client: &mut Client, target: &str) {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
}

/// Has the demo's `/sleep/{ms}` learnt.
fn teach(server: &Server) {
    let learnt = |status: &Value| status["learnt_routes"].as_array().is_some_and(|routes| !routes.is_empty());
    while !learnt(&status(server)) {
        assert_eq!(server.connect().get("/sleep/20").status, 200);
    }
}

/// Answered in an order that is not that of the requests: nobody waited for the sleeper.
fn others_are_served_while_a_handler_sleeps(engine: Engine) {
    let server = start(engine, &[]);
    let (mut sleeper, mut other) = (server.connect(), server.connect());
    assert_eq!(other.get("/plaintext").status, 200);
    request(&mut sleeper, "/sleep/3000");
    until("the core was taken", &server, |status| status["cores"][0]["core_relays"].as_u64() >= Some(1));
    for _ in 0..100 {
        assert_eq!(other.get("/plaintext").status, 200);
    }
    assert!(!sleeper.has_answer(), "a hundred answers took longer than three seconds");
    assert_eq!(sleeper.response().text(), "slept 3000 ms\n");
    assert_eq!(sleeper.get("/plaintext").status, 200, "its connection goes on");
}

fn others_are_served_while_a_handler_burns_cpu_time(engine: Engine) {
    let server = start(engine, &[]);
    let (mut spinner, mut other) = (server.connect(), server.connect());
    request(&mut spinner, "/spin/2000000");
    until("the core was taken", &server, |status| status["cores"][0]["core_relays"].as_u64() >= Some(1));
    for _ in 0..100 {
        assert_eq!(other.get("/plaintext").status, 200);
    }
    assert_eq!(spinner.response().text(), "spun 2000000 us\n");
    assert_eq!(spinner.get("/plaintext").status, 200);
}

fn many_sleepers_at_once_are_each_answered_once(engine: Engine) {
    const MANY: usize = 100;
    let server = start(engine, &[]);
    let mut sleepers: Vec<Client> = (0..MANY).map(|_| server.connect()).collect();
    for (number, client) in sleepers.iter_mut().enumerate() {
        client.send(
            ["/plaintext", &format!("/sleep/{}", 200 + number), "/json", &format!("/spin/{number}")]
                .map(|target| format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"))
                .concat(),
        );
    }
    assert_eq!(server.connect().get("/plaintext").status, 200);
    for (number, client) in sleepers.iter_mut().enumerate() {
        assert_eq!(client.response().text(), "Hello, World!");
        assert_eq!(client.response().text(), format!("slept {} ms\n", 200 + number));
        assert_eq!(client.response().status, 200);
        assert_eq!(client.response().text(), format!("spun {number} us\n"));
        assert_eq!(client.get("/plaintext").text(), "Hello, World!", "and nothing came twice");
    }
}

/// What is ready first is served first, and nobody else serves this core. That holds for a poller that has been found empty: in
/// one that is about to be asked again, what was ready last time still stands at the head of the kernel's list.
fn without_relay_a_sleeper_holds_up_its_core(engine: Engine) {
    let server = start(engine, &["--relay", "off"]);
    let (mut sleeper, mut other) = (server.connect(), server.connect());
    assert_eq!((sleeper.get("/plaintext").status, other.get("/plaintext").status), (200, 200));
    let begun = Instant::now();
    while !server.process().sleeps() {
        assert!(begun.elapsed() < PATIENCE, "the server does not come to rest");
    }
    request(&mut sleeper, "/sleep/500");
    request(&mut other, "/plaintext");
    assert_eq!(other.response().status, 200);
    assert!(sleeper.has_answer(), "who asked later was answered earlier");
    assert_eq!(sleeper.response().text(), "slept 500 ms\n");
    let status = status(&server);
    let core = &status["cores"][0];
    assert_eq!(
        (core["core_relays"].as_u64(), core["connection_relays"].as_u64()),
        (Some(0), Some(0)),
        "{core}"
    );
    assert_eq!(status["service"]["threads"].as_u64(), Some(0), "{status}");
}

fn a_route_that_keeps_sleeping_is_learnt_and_unlearnt(engine: Engine) {
    let server = start(engine, &[]);
    teach(&server);
    let shown = status(&server);
    assert_eq!(shown["learnt_routes"], serde_json::json!(["/sleep/{ms}"]));
    let (core_relays, relays) = (core(&server, "core_relays"), core(&server, "connection_relays"));
    for _ in 0..10 {
        assert_eq!(server.connect().get("/sleep/5").status, 200);
    }
    until("its connections were relayed", &server, |status| {
        status["cores"][0]["connection_relays"].as_u64() >= Some(relays + 10)
    });
    assert!(core(&server, "core_relays") >= core_relays);
    until("it is unlearnt", &server, |status| {
        assert_eq!(server.connect().get("/sleep/0").status, 200);
        status["learnt_routes"] == serde_json::json!([])
    });
}

fn past_the_limit_of_threads_a_learnt_route_is_503(engine: Engine) {
    let server = start(engine, &["--max-service-threads", "4"]);
    teach(&server);
    until("who taught it is out of the way", &server, |status| {
        status["service"]["threads"] == status["service"]["standby"]
    });
    let mut sleepers: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    for client in &mut sleepers {
        request(client, "/sleep/3000");
    }
    until("all threads are busy", &server, |status| {
        status["service"]["threads"].as_u64() == Some(4) && status["service"]["standby"].as_u64() == Some(0)
    });
    let mut refused = server.connect();
    request(&mut refused, "/sleep/1");
    let response = refused.response();
    assert_eq!(response.status, 503);
    assert_eq!(response.field("retry-after"), Some("1"));
    for _ in 0..100 {
        assert_eq!(server.connect().get("/plaintext").status, 200);
    }
    for client in &mut sleepers {
        assert_eq!(client.response().text(), "slept 3000 ms\n");
        assert_eq!(client.get("/sleep/1").status, 200, "its thread is free again");
    }
}

fn nothing_is_left_of_relays_when_all_is_quiet(engine: Engine) {
    let server = start(engine, &["--service-idle-timeout", "200ms", "--service-stack-bytes", "256k"]);
    assert_eq!(server.connect().get("/sleep/50").status, 200);
    until("one connection is left, which asks", &server, |status| status["connections"].as_u64() == Some(1));
    let (files, threads) = (server.process().open_files(), server.process().threads());
    for _ in 0..3 {
        let mut sleepers: Vec<Client> = (0..50).map(|_| server.connect()).collect();
        sleepers.iter_mut().for_each(|client| request(client, "/sleep/100"));
        sleepers.iter_mut().for_each(|client| assert_eq!(client.response().status, 200));
    }
    until("all are closed", &server, |status| status["connections"].as_u64() == Some(1));
    until("no service thread is left", &server, |status| status["service"]["threads"].as_u64() == Some(0));
    until("no thread and no descriptor is left", &server, |_| {
        server.process().threads() <= threads && server.process().open_files() <= files
    });
}

fn peers_that_leave_while_their_handler_sleeps_are_counted_out(engine: Engine) {
    let server = start(engine, &[]);
    let mut leaving: Vec<TcpStream> = Vec::new();
    for number in 0..12 {
        let mut client = server.connect();
        request(&mut client, "/sleep/300");
        if number % 3 == 0 {
            client.finish_sending();
        }
        leaving.push(client.into_idle());
    }
    until("a core was taken", &server, |status| status["cores"][0]["core_relays"].as_u64() >= Some(1));
    for (number, mut stream) in leaving.into_iter().enumerate() {
        if number % 3 == 0 {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer and the end");
            assert!(answer.ends_with("slept 300 ms\n"), "{answer}");
        } else if number % 3 == 1 {
            rustix::net::sockopt::set_socket_linger(&stream, Some(std::time::Duration::ZERO))
                .expect("SO_LINGER");
        }
    }
    until("no connection but the one that asks is left", &server, |status| {
        status["connections"].as_u64() == Some(1) && status["cores"][0]["connections"].as_u64() == Some(1)
    });
}

fn a_drain_waits_for_a_sleeper(engine: Engine) {
    let server = start(engine, &["--drain", "1h"]);
    let (mut sleeper, mut idle) = (server.connect(), server.connect());
    assert_eq!(idle.get("/plaintext").status, 200);
    request(&mut sleeper, "/sleep/1000");
    until("the core was taken", &server, |status| status["cores"][0]["core_relays"].as_u64() >= Some(1));
    server.signal(Signal::TERM);
    idle.expect_end();
    let response = sleeper.response();
    assert_eq!((response.text(), response.closes()), ("slept 1000 ms\n", true));
    sleeper.expect_end();
    assert_eq!(server.wait().code, 0);
}

fn a_drain_does_not_wait_for_ever_for_sleepers(engine: Engine) {
    let server = start(engine, &["--drain", "100ms"]);
    let mut sleepers: Vec<Client> = (0..5).map(|_| server.connect()).collect();
    sleepers.iter_mut().for_each(|client| request(client, "/sleep/60000"));
    until("they are all away", &server, |status| status["connections"].as_u64() >= Some(6));
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code, 1);
    sleepers.iter_mut().for_each(Client::expect_any_end);
}

fn what_the_flags_mean_is_checked(engine: Engine) {
    for (flag, value) in
        [("--relay", "maybe"), ("--service-stack-bytes", "much"), ("--service-idle-timeout", "0x")]
    {
        let mut command = Server::command(engine, &[flag, value]);
        command.args(["--listen", "127.0.0.1:0"]);
        let finished = Server::run(command);
        assert!(finished.code == 2 && finished.stderr.contains(value), "{flag}: {finished:?}");
    }
}
