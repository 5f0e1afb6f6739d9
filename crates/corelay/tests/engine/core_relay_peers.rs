//! What the peer of a handler that blocks does meanwhile: it may leave, and nothing of it stays behind.

use super::support::{Client, End, Gates, Serving, until};
use corelay::Router;
use corelay::http::{Path, endpoint};
use std::net::TcpStream;
use std::time::Duration;

fn serving() -> (Serving, Gates) {
    let gates = Gates::default();
    let passing = gates.clone();
    let wait = move |Path(gate): Path<String>| {
        passing.pass(&gate);
        "waited"
    };
    let router = Router::new().get("/wait/{gate}", endpoint(wait).inline()).get("/", || "served");
    (Serving::start(router), gates)
}

fn stuck(serving: &Serving, gates: &Gates, gate: &str) -> Client {
    let mut client = serving.client();
    client.send(format!("GET /wait/{gate} HTTP/1.1\r\nHost: test\r\n\r\n"));
    gates.wait_for_take(gate, serving);
    client
}

/// Closes with a reset.
fn reset(client: Client) {
    let stream: TcpStream = client.writer();
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
}

#[test]
fn a_half_closed_peer_gets_its_answer() {
    let (serving, gates) = serving();
    let client = stuck(&serving, &gates, "a");
    client.finish();
    assert_eq!(serving.client().get("/").text(), "served");
    gates.open("a");
    let End::Clean(bytes) = client.end() else { panic!("a reset") };
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 ") && text.ends_with("waited"), "{text}");
    until("its end is counted", || serving.closes("peer_closed") >= 1);
    until("no connection is left", || serving.status().connections == 0);
    serving.end().unwrap();
}

#[test]
fn one_that_left_leaves_no_connection_behind() {
    let (serving, gates) = serving();
    for (gate, leave) in [("a", drop as fn(Client)), ("b", reset)] {
        leave(stuck(&serving, &gates, gate));
        assert_eq!(serving.client().get("/").text(), "served");
        until("only the one that is stuck is open", || serving.status().connections == 1);
        gates.open(gate);
        until("its end is noticed", || serving.status().connections == 0);
    }
    let core = &serving.status().cores[0];
    assert_eq!((core.connections, core.connections_accepted), (0, 4));
    let closes: u64 = core.closes.values().sum();
    assert_eq!(closes, 4, "{:?}", core.closes);
    serving.end().unwrap();
}

/// A descriptor that is muted only would report the hang-up again and again.
#[test]
fn one_that_left_does_not_wake_the_core() {
    let (serving, gates) = serving();
    let gone = stuck(&serving, &gates, "a");
    let mut other = serving.client();
    assert_eq!(other.get("/").text(), "served");
    reset(gone);
    let before = serving.status().cores[0].wake_ups;
    // Each answer is a wake-up; those are counted, and a core that spins has thousands between two of them.
    for _ in 0..200 {
        assert_eq!(other.get("/").text(), "served");
    }
    let woken = serving.status().cores[0].wake_ups - before;
    assert!(woken <= 2 * 200 + 20, "{woken} times for 200 requests");
    gates.open("a");
    serving.end().unwrap();
}

/// The number of a descriptor is free as soon as it is closed: what is taken must be the right one.
#[test]
fn descriptors_are_used_again_while_others_are_stuck() {
    let (serving, gates) = serving();
    let mut held: Vec<Client> = (0..5).map(|number| stuck(&serving, &gates, &number.to_string())).collect();
    for round in 0..20 {
        let gate = format!("round-{round}");
        let mut bystanders: Vec<Client> = (0..5).map(|_| serving.client()).collect();
        drop(stuck(&serving, &gates, &gate));
        gates.open(&gate);
        for client in &mut bystanders {
            assert_eq!(client.get("/").text(), "served");
        }
    }
    for (number, client) in held.iter_mut().enumerate() {
        gates.open(&number.to_string());
        assert_eq!(client.answer().text(), "waited");
        assert_eq!(client.get("/").text(), "served");
    }
    drop(held);
    until("no connection is left", || serving.status().connections == 0);
    serving.end().unwrap();
}
