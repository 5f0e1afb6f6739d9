//! A peer that asks more often than it may gets 429 on whichever connection it asks, and others notice nothing.

use std::net::Ipv4Addr;
use std::time::Instant;

use serde_json::Value;

use crate::on_every_engine;
use crate::support::{Client, Engine, PATIENCE, Server};

on_every_engine!(
    a_burst_is_answered_and_the_rest_refused,
    the_rate_is_of_the_peer_and_not_of_a_connection,
    a_refused_peer_is_answered_again_after_a_while,
    ipv6_peers_have_a_rate_too,
);

const GET: &str = "GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n";
const RATE: [&str; 4] = ["--max-request-rate-per-peer", "1", "--request-burst-per-peer", "5"];

/// The statuses of this many requests, sent at once.
fn statuses(client: &mut Client, requests: usize) -> Vec<u16> {
    client.send(GET.repeat(requests));
    let mut answered = |_| {
        let response = client.response();
        assert_eq!(response.status == 429, response.field("retry-after") == Some("1"));
        assert!(!response.closes(), "the connection goes on");
        response.status
    };
    (0..requests).map(&mut answered).collect()
}

fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|other| **other == status).count()
}

/// A token may come while the requests do, so a burst and a little is answered.
fn a_burst_is_answered_and_the_rest_refused(engine: Engine) {
    let server = Server::start(engine, &RATE);
    let begun = Instant::now();
    let statuses = statuses(&mut server.connect(), 50);
    let (answered, refused) = (count(&statuses, 200), count(&statuses, 429));
    let tokens = 5 + begun.elapsed().as_secs() as usize + 1;
    assert!((5..=tokens).contains(&answered) && answered + refused == 50, "{statuses:?}");
    let mut elsewhere = server.connect_from(Ipv4Addr::new(127, 0, 0, 2));
    let status: Value =
        serde_json::from_slice(&elsewhere.get("/status").body).expect("another peer is answered");
    assert_eq!(status["refused"]["too_many_requests_of_peer"], refused, "{status}");
}

fn the_rate_is_of_the_peer_and_not_of_a_connection(engine: Engine) {
    let server = Server::start(engine, &RATE);
    let begun = Instant::now();
    let statuses: Vec<u16> = (0..30).flat_map(|_| statuses(&mut server.connect(), 1)).collect();
    let tokens = 5 + begun.elapsed().as_secs() as usize + 1;
    assert!((5..=tokens).contains(&count(&statuses, 200)), "{statuses:?}");
}

fn a_refused_peer_is_answered_again_after_a_while(engine: Engine) {
    let server = Server::start(engine, &RATE);
    let mut client = server.connect();
    let begun = Instant::now();
    while count(&statuses(&mut client, 10), 429) == 0 {
        assert!(begun.elapsed() < PATIENCE, "nothing is refused");
    }
    // A body that is not looked at, on the way.
    while client.request("POST", "/echo", b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").status != 200 {
        assert!(begun.elapsed() < PATIENCE, "no token comes back");
    }
}

fn ipv6_peers_have_a_rate_too(engine: Engine) {
    let server = Server::spawn(Server::command(engine, &[&RATE[..], &["--listen", "[::1]:0"]].concat()));
    assert!(count(&statuses(&mut server.connect(), 50), 429) > 0);
}
