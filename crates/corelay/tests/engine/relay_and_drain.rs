//! Draining a server some of whose handlers have lost their cores: what is in flight is finished, and it ends.

use super::support::{Client, End, Gates, Serving, one_core, until};
use corelay::config::{Accept, Config, Cores};
use corelay::http::{Path, Response, endpoint};
use corelay::status::Phase;
use corelay::{Error, Router};
use std::time::Duration;

fn serving(config: Config) -> (Serving, Gates) {
    let gates = Gates::default();
    let passing = gates.clone();
    let wait = move |Path(gate): Path<String>| {
        passing.pass(&gate);
        format!("waited at {gate}")
    };
    let passing = gates.clone();
    let chunks = move |Path(gate): Path<String>| {
        let passing = passing.clone();
        Response::chunks((0..2).map(move |_| {
            passing.pass(&gate);
            Ok("chunk".into())
        }))
    };
    let router = Router::new()
        .get("/wait/{gate}", endpoint(wait).inline())
        .get("/chunks/{gate}", chunks)
        .get("/", || "served");
    (Serving::with(config, router), gates)
}

fn stuck(serving: &Serving, gates: &Gates, target: &str) -> Client {
    let mut client = serving.client();
    client.send(format!("GET /{target} HTTP/1.1\r\nHost: test\r\n\r\n"));
    gates.wait_for_take(target.rsplit('/').next().unwrap(), serving);
    client
}

fn idle(serving: &Serving) -> Client {
    let mut client = serving.client();
    assert_eq!(client.get("/").text(), "served");
    client
}

fn begin(serving: &Serving) {
    serving.handle.drain();
    until("it drains", || serving.status().phase == Phase::Draining);
}

#[test]
fn a_handler_that_lost_its_core_is_waited_for_and_idle_connections_are_not() {
    for accept in [Accept::PerCore, Accept::Dispatch, Accept::RoundRobin] {
        let mut config = one_core();
        config.accept = accept;
        let (mut serving, gates) = serving(config);
        let (mut busy, idle) = (stuck(&serving, &gates, "wait/a"), idle(&serving));
        begin(&serving);
        assert_eq!(idle.end(), End::Clean(Vec::new()));
        until("the one in flight is left", || serving.status().connections == 1);
        gates.open("a");
        let answer = busy.answer();
        assert_eq!((answer.text(), answer.closes()), ("waited at a", true), "{accept:?}");
        assert_eq!(busy.end(), End::Clean(Vec::new()));
        serving.join().unwrap();
        assert_eq!((serving.status().connections, serving.status().cores[0].connections), (0, 0));
    }
}

/// It keeps its connection open: the linger time, and not a body's, is what it may cost.
#[test]
fn a_peer_that_does_not_close_does_not_hold_up_the_end() {
    let mut config = one_core();
    config.deadlines.linger_timeout = Duration::from_millis(100);
    config.drain.timeout = Duration::from_secs(3600);
    config.deadlines.body_timeout = Duration::from_secs(3600);
    let (mut serving, gates) = serving(config);
    let mut busy = stuck(&serving, &gates, "wait/a");
    begin(&serving);
    gates.open("a");
    assert_eq!(busy.answer().text(), "waited at a");
    serving.join().unwrap();
    assert_eq!(busy.end(), End::Clean(Vec::new()));
}

#[test]
fn an_answer_under_way_is_sent_whole() {
    let (mut serving, gates) = serving(one_core());
    let mut busy = stuck(&serving, &gates, "chunks/a");
    begin(&serving);
    gates.open("a");
    assert_eq!(busy.answer().text(), "chunkchunk");
    drop(busy);
    serving.join().unwrap();
}

/// A core that has begun to drain is taken like any other, and goes on draining.
#[test]
fn a_handler_may_block_while_the_core_drains() {
    let (mut serving, gates) = serving(one_core());
    let first = stuck(&serving, &gates, "wait/a");
    // Part of a head: not idle, and so not closed.
    let mut late: Vec<Client> = (0..3).map(|_| idle(&serving)).collect();
    for (number, client) in late.iter_mut().enumerate() {
        let received = serving.status().cores[0].received_bytes;
        client.send(format!("GET /wait/late-{number} HTTP/1.1\r\nHost:"));
        until("it is read", || serving.status().cores[0].received_bytes > received);
    }
    begin(&serving);
    for (number, client) in late.iter_mut().enumerate() {
        client.send(" test\r\n\r\n");
        gates.wait_for_take(&format!("late-{number}"), &serving);
    }
    gates.open("a");
    first.end();
    for (number, mut client) in late.into_iter().enumerate() {
        gates.open(&format!("late-{number}"));
        let answer = client.answer();
        assert_eq!((answer.text(), answer.closes()), (&*format!("waited at late-{number}"), true));
    }
    serving.join().unwrap();
}

/// In the drain's last look at a connection that is idle, a request is found, and its handler blocks.
#[test]
fn the_last_look_at_idle_connections_may_be_interrupted() {
    for _ in 0..20 {
        let (mut serving, gates) = serving(one_core());
        let mut clients: Vec<Client> = (0..10).map(|_| idle(&serving)).collect();
        gates.open("b");
        serving.handle.drain();
        for client in &mut clients {
            // It may be closed already, or be read by the last look or before it.
            let _ = std::io::Write::write_all(
                &mut client.writer(),
                b"GET /wait/b HTTP/1.1\r\nHost: test\r\n\r\nGET /wait/a HTTP/1.1\r\nHost: test\r\n\r\n",
            );
        }
        gates.open("a");
        for client in clients {
            let (End::Clean(bytes) | End::Reset(bytes)) = client.end();
            let text = String::from_utf8(bytes).unwrap();
            let answers = text.matches("HTTP/1.1 200 ").count();
            assert!(answers <= 2 && text.matches("waited at b").count() <= 1, "{text}");
        }
        serving.join().unwrap();
        assert_eq!(serving.status().connections, 0);
    }
}

#[test]
fn past_the_timeout_it_ends_without_the_one_that_is_stuck() {
    let mut config = one_core();
    config.drain.timeout = Duration::from_millis(1);
    let (mut serving, gates) = serving(config);
    let busy = stuck(&serving, &gates, "wait/a");
    serving.handle.drain();
    let error = serving.join().unwrap_err();
    assert!(matches!(error, Error::CutOff { connections: 1 }), "{error}");
    gates.open("a");
    drop(busy);
}

#[test]
fn two_cores_with_a_stuck_handler_each_drain() {
    let mut config = one_core();
    config.cores = Cores::Count(2);
    config.accept = Accept::RoundRobin;
    let (mut serving, gates) = serving(config);
    let (mut first, mut second) = (stuck(&serving, &gates, "wait/a"), stuck(&serving, &gates, "wait/b"));
    let idle = [(); 4].map(|()| idle(&serving));
    begin(&serving);
    for client in idle {
        assert_eq!(client.end(), End::Clean(Vec::new()));
    }
    gates.open("b");
    assert_eq!(second.answer().text(), "waited at b");
    gates.open("a");
    assert_eq!(first.answer().text(), "waited at a");
    drop((first, second));
    serving.join().unwrap();
    let status = serving.status();
    assert!(status.cores.iter().all(|core| core.core_relays >= 1 && core.connections == 0), "{status:?}");
}
