//! Past a limit on connections a new one is told 503 and closed at once; a place that becomes free is given out again.

use std::net::Ipv4Addr;
use std::time::Instant;

use crate::on_every_engine;
use crate::support::{Client, Engine, PATIENCE, Server};

on_every_engine!(
    connections_in_all_are_bounded,
    connections_of_one_peer_are_bounded,
    many_connections_are_served_side_by_side
);

/// Opens this many connections, each of them served once.
fn open(server: &Server, count: usize) -> Vec<Client> {
    let served = |_| {
        let mut client = server.connect();
        assert_eq!(client.get("/plaintext").status, 200);
        client
    };
    (0..count).map(served).collect()
}

/// Connects and says nothing, so that the refusal is not lost to the reset that unread bytes would bring.
fn refused(server: &Server) {
    let mut client = server.connect();
    let response = client.response();
    assert_eq!((response.status, response.closes()), (503, true));
    assert!(response.field("retry-after").is_some(), "{:?}", response.fields);
    client.expect_end();
}

/// Connects until a connection is served: the server sees the end of another one in its own time.
fn until_served(server: &Server) {
    let begun = Instant::now();
    loop {
        let mut client = server.connect();
        let _ = client.try_send("GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n");
        if client.answers() && client.response().status == 200 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "a place that became free is not given out");
    }
}

fn connections_in_all_are_bounded(engine: Engine) {
    let server = Server::start(engine, &["--max-connections", "3"]);
    let mut clients = open(&server, 3);
    (0..10).for_each(|_| refused(&server));
    for client in &mut clients {
        assert_eq!(client.get("/plaintext").status, 200, "those within the limit are served on");
    }
    clients.pop();
    until_served(&server);
}

fn connections_of_one_peer_are_bounded(engine: Engine) {
    let server = Server::start(engine, &["--max-connections-per-peer", "2"]);
    let mut clients = open(&server, 2);
    (0..10).for_each(|_| refused(&server));
    let mut elsewhere = server.connect_from(Ipv4Addr::new(127, 0, 0, 2));
    assert_eq!(elsewhere.get("/plaintext").status, 200, "another peer has a count of its own");
    clients.pop();
    until_served(&server);
}

fn many_connections_are_served_side_by_side(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut clients = open(&server, 500);
    for round in 0..3 {
        for client in &mut clients {
            client.send(format!("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\n{round}"));
        }
        for client in &mut clients {
            assert_eq!(client.response().text(), round.to_string());
        }
    }
}
