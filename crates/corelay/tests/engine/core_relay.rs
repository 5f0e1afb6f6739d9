//! A handler that blocks keeps its own connection waiting, and nothing else: its core goes on without it.

use super::support::{Client, End, Gates, Serving, one_core, until};
use corelay::Router;
use corelay::http::{Path, endpoint};
use std::time::Duration;

fn router(gates: &Gates) -> Router {
    let wait = {
        let gates = gates.clone();
        move |Path(gate): Path<String>| {
            gates.pass(&gate);
            format!("waited at {gate}")
        }
    };
    Router::new()
        .get("/wait/{gate}", wait.clone())
        .get("/inline/{gate}", endpoint(wait).inline())
        .get("/", || "served")
}

fn serving() -> (Serving, Gates) {
    let gates = Gates::default();
    (Serving::start(router(&gates)), gates)
}

fn request(client: &mut Client, target: &str) {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
}

#[test]
fn others_are_served_meanwhile_and_it_is_answered_once() {
    for prefix in ["/wait", "/inline"] {
        let (serving, gates) = serving();
        let (mut stuck, mut other) = (serving.client(), serving.client());
        assert_eq!(other.get("/").text(), "served");
        request(&mut stuck, &format!("{prefix}/a"));
        gates.wait_for("a");
        for _ in 0..100 {
            assert_eq!(other.get("/").text(), "served", "a connection that was open");
        }
        assert_eq!(serving.client().get("/").text(), "served", "a new connection");
        let status = serving.status();
        assert!(status.cores[0].core_relays >= 1, "{status:?}");
        assert_eq!(status.cores[0].connection_relays, 0);
        gates.open("a");
        assert_eq!(stuck.answer().text(), "waited at a");
        assert_eq!(
            stuck.get("/").text(),
            "served",
            "its connection goes on, with nothing before this answer"
        );
        assert_eq!(other.get("/").text(), "served");
        serving.end().unwrap();
    }
}

#[test]
fn each_of_many_that_block_at_once_is_answered_in_any_order_of_release() {
    const MANY: usize = 20;
    let (serving, gates) = serving();
    let mut clients: Vec<Client> = (0..MANY).map(|_| serving.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        // Never learnt: each is a take from the thread that took last.
        request(client, &format!("/inline/{number}"));
        gates.wait_for_take(&number.to_string(), &serving);
        assert_eq!(serving.client().get("/").text(), "served");
    }
    assert!(serving.status().cores[0].core_relays >= MANY as u64);
    assert_eq!(serving.status().service.threads, MANY as u64, "as many as are kept waiting, and the owner");
    for number in (0..MANY).step_by(2).chain((1..MANY).step_by(2).rev()) {
        gates.open(&number.to_string());
        assert_eq!(clients[number].answer().text(), format!("waited at {number}"));
    }
    for client in &mut clients {
        assert_eq!(client.get("/").text(), "served");
    }
    drop(clients);
    until("all connections are closed", || serving.status().connections == 0);
    assert_eq!(serving.status().cores[0].connections, 0);
    serving.end().unwrap();
}

#[test]
fn deadlines_of_others_are_kept_by_whoever_has_the_core() {
    let gates = Gates::default();
    let mut config = one_core();
    config.deadlines.idle_timeout = Duration::from_millis(300);
    let serving = Serving::with(config, router(&gates));
    let (mut idle, mut stuck) = (serving.client(), serving.client());
    assert_eq!(idle.get("/").text(), "served");
    request(&mut stuck, "/inline/a");
    gates.wait_for("a");
    assert_eq!(idle.end(), End::Clean(Vec::new()), "a timer that was set before the core was taken");
    until("it is counted", || serving.closes("idle_timeout") == 1);
    gates.open("a");
    assert_eq!(stuck.answer().text(), "waited at a");
    assert_eq!(stuck.end(), End::Clean(Vec::new()), "its own time begins when it is answered");
    until("both are counted", || serving.closes("idle_timeout") == 2);
    serving.end().unwrap();
}

/// One request and another handler's lock: the second handler blocks on what the first one holds, on the same core.
#[test]
fn handlers_of_one_core_may_wait_for_each_other() {
    let gates = Gates::default();
    let (waits, opens) = (gates.clone(), gates.clone());
    let router = Router::new().get("/waits", move || waits.pass("a")).get("/opens", move || opens.open("a"));
    let serving = Serving::start(router);
    let (mut first, mut second) = (serving.client(), serving.client());
    request(&mut first, "/waits");
    gates.wait_for("a");
    request(&mut second, "/opens");
    assert_eq!((first.answer().status, second.answer().status), (200, 200));
    serving.end().unwrap();
}

#[test]
fn a_handler_back_from_a_take_can_be_taken_from_again() {
    let (serving, gates) = serving();
    let (mut stuck, mut other) = (serving.client(), serving.client());
    for gate in ["a", "b", "c", "d", "e"] {
        request(&mut stuck, &format!("/inline/{gate}"));
        gates.wait_for_take(gate, &serving);
        assert_eq!(other.get("/").text(), "served");
        gates.open(gate);
        assert_eq!(stuck.answer().text(), format!("waited at {gate}"));
    }
    let status = serving.status();
    assert!(status.cores[0].core_relays >= 5);
    assert!(status.service.threads <= 2, "they take turns: {status:?}");
    until("every request is counted", || serving.status().cores[0].requests == 10);
    serving.end().unwrap();
}

#[test]
fn without_relay_nobody_takes_the_core() {
    let gates = Gates::default();
    let mut config = one_core();
    config.relay = corelay::config::Relay::Off;
    let serving = Serving::with(config, router(&gates));
    let (mut stuck, mut other) = (serving.client(), serving.client());
    request(&mut stuck, "/wait/a");
    gates.wait_for("a");
    request(&mut other, "/");
    assert!(serving.status().cores[0].in_handler);
    gates.open("a");
    assert_eq!(stuck.answer().text(), "waited at a");
    assert_eq!(other.answer().text(), "served");
    let status = serving.status();
    assert_eq!((status.cores[0].core_relays, status.service.threads), (0, 0));
    serving.end().unwrap();
}
