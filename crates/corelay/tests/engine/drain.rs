//! Draining finishes what is in flight, closes what is not, and returns.

use super::support::{Client, End, Guest, Host, Serving, meeting, one_core, until};
use corelay::config::{Accept, Address};
use corelay::http::{Body, endpoint};
use corelay::status::Phase;
use corelay::{Error, Router, Server};
use std::io::{self, Read};
use std::net::TcpStream;
use std::time::Duration;

fn router(guest: Guest) -> Router {
    let on_core = move || {
        guest.stay();
        "finished"
    };
    let count = |mut body: Body| io::copy(&mut body.by_ref(), &mut io::sink()).map(|bytes| bytes.to_string());
    Router::new()
        .get("/core", on_core.clone())
        .get("/service", endpoint(on_core).blocking())
        .post("/gather", |body: String| body)
        .post("/stream", count)
        .get("/", || "served")
}

fn serving() -> (Serving, Host) {
    let (host, guest) = meeting();
    (Serving::start(router(guest)), host)
}

/// One that is open, and known to the server to be.
fn idle(serving: &Serving) -> Client {
    let mut client = serving.client();
    assert_eq!(client.get("/").text(), "served");
    client
}

fn request(client: &mut Client, target: &str) {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
}

fn begin(serving: &Serving) {
    serving.handle.drain();
    until("it drains", || serving.status().phase == Phase::Draining);
}

#[test]
fn idle_connections_close_at_once_and_the_door_with_them() {
    let (mut serving, _host) = serving();
    let idle = [(); 5].map(|()| idle(&serving));
    begin(&serving);
    for client in idle {
        assert_eq!(client.end(), End::Clean(Vec::new()));
    }
    serving.join().unwrap();
    assert!(TcpStream::connect(serving.address()).is_err(), "nobody listens any more");
    assert_eq!(serving.closes("drain"), 5);
}

#[test]
fn a_request_in_a_handler_is_answered_wherever_it_runs() {
    for target in ["/core", "/service"] {
        let (mut serving, host) = serving();
        let mut client = serving.client();
        request(&mut client, target);
        host.wait_for_guest();
        begin(&serving);
        host.release();
        let answer = client.answer();
        assert_eq!((answer.text(), answer.closes()), ("finished", true), "{target}");
        assert_eq!(client.end(), End::Clean(Vec::new()));
        serving.join().unwrap();
    }
}

#[test]
fn a_body_that_is_still_coming_is_waited_for() {
    for target in ["/gather", "/stream"] {
        let (mut serving, _host) = serving();
        let (mut client, bystander) = (serving.client(), idle(&serving));
        client.send(format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nab"));
        until("the body's beginning is read", || {
            let core = &serving.status().cores[0];
            core.connections_accepted == 2 && (target == "/gather" || core.connection_relays == 1)
        });
        begin(&serving);
        bystander.end();
        client.send("cd");
        let answer = client.answer();
        assert_eq!((answer.text(), answer.closes()), (if target == "/gather" { "abcd" } else { "4" }, true));
        client.end();
        serving.join().unwrap();
    }
}

#[test]
fn a_head_that_is_still_coming_is_waited_for() {
    let (mut serving, _host) = serving();
    let mut client = idle(&serving);
    let received = serving.status().cores[0].received_bytes;
    client.send("GET / HTTP/1.1\r\nHo");
    until("the head's beginning is read", || serving.status().cores[0].received_bytes > received);
    begin(&serving);
    client.send("st: test\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.text(), answer.closes()), ("served", true));
    client.end();
    serving.join().unwrap();
}

#[test]
fn past_the_timeout_what_is_left_is_cut_off_and_counted() {
    for target in ["/service", "/core"] {
        let (host, guest) = meeting();
        let mut config = one_core();
        config.drain.timeout = Duration::from_millis(1);
        let mut serving = Serving::with(config, router(guest));
        let mut client = serving.client();
        request(&mut client, target);
        host.wait_for_guest();
        serving.handle.drain();
        let error = serving.join().unwrap_err();
        assert!(matches!(error, Error::CutOff { connections: 1 }), "{target}: {error}");
        host.release();
    }
}

#[test]
fn a_server_may_be_drained_before_it_serves() {
    let server = Server::new(one_core()).listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let handle = server.handle();
    handle.drain();
    handle.drain();
    server.serve(Router::new()).unwrap();
    let status = handle.status();
    assert_eq!((status.phase, status.ready, status.connections), (Phase::Draining, false, 0));
}

/// Whoever accepts: each connection is with a core before that core may end.
#[test]
fn a_connection_that_waits_at_the_door_is_still_let_in() {
    for accept in [Accept::PerCore, Accept::Dispatch, Accept::RoundRobin].repeat(20) {
        let mut config = one_core();
        config.accept = accept;
        let server = Server::new(config).listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let Address::Tcp(address) = server.addresses()[0].clone() else { panic!("not TCP") };
        let mut client = Client::connect(address);
        request(&mut client, "/");
        server.handle().drain();
        let mut serving = Serving::of(server, Router::new().get("/", || "served"));
        assert_eq!(client.answer().text(), "served", "{accept:?}");
        assert_eq!(client.end(), End::Clean(Vec::new()));
        serving.join().unwrap();
    }
}

#[test]
fn a_crowd_that_waits_at_the_door_is_let_in_to_the_last() {
    let server = Server::new(one_core()).listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let Address::Tcp(address) = server.addresses()[0].clone() else { panic!("not TCP") };
    let mut crowd: Vec<Client> = (0..200).map(|_| Client::connect(address)).collect();
    for client in &mut crowd {
        request(client, "/");
    }
    server.handle().drain();
    let mut serving = Serving::of(server, Router::new().get("/", || "served"));
    for client in &mut crowd {
        assert_eq!(client.answer().text(), "served");
    }
    serving.join().unwrap();
}

#[test]
fn during_the_delay_it_serves_and_says_that_it_is_not_ready() {
    let mut config = one_core();
    config.drain.delay = super::support::PATIENCE;
    let serving = Serving::with(config, router(meeting().1));
    let mut client = idle(&serving);
    assert!(serving.status().ready);
    serving.handle.drain();
    until("it is unready", || !serving.status().ready);
    assert_eq!(serving.status().phase, Phase::Unready);
    assert!(!client.get("/").closes());
    assert_eq!(serving.client().get("/").text(), "served", "also on a new connection");
}
