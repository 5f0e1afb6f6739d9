//! A link that loses packets, and one that is cut: the first makes things slow and nothing wrong; at the second each peer that has
//! vanished is given up at the deadline of what it was doing.

use crate::link::Link;
use crate::support::{Client, Engine, Server};
use crate::{Counters, FLAGS, until};

crate::on_three_engines!(
    over_a_link_that_loses_packets_all_is_answered,
    peers_behind_a_cut_link_are_given_up
);

const BODY_BYTES: usize = 100_000;
/// One in 25 at each end.
const LOSS: f64 = 0.04;

fn over_a_link_that_loses_packets_all_is_answered(engine: Engine) {
    let link = Link::new();
    let server = link.serve(&Server::command(engine, &FLAGS));
    let mut beside = link.connect_beside(&server);
    let mut peers: Vec<Client> = (0..10).map(|_| link.connect(&server, None)).collect();
    link.lose(LOSS);
    let body = vec![b'x'; BODY_BYTES];
    let head = format!("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: {BODY_BYTES}\r\n\r\n");
    for peer in &mut peers {
        peer.send([head.as_bytes(), &body, b"GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n"].concat());
        assert_eq!(beside.get("/plaintext").status, 200);
    }
    for peer in &mut peers {
        assert_eq!(peer.response().body, body);
        assert_eq!(peer.response().text(), "Hello, World!");
        assert_eq!(beside.get("/plaintext").status, 200);
    }
    let counters = Counters::read(&beside.get("/status").body);
    assert_eq!((counters.connections(), counters.closed()), (11, 0));
}

/// What each peer is doing when the link is cut, and how its connection ends.
const DOING: [(&str, &str); 5] = [
    ("", "idle_timeout"),
    ("GET /plaintext HTTP/1.1\r\n", "head_timeout"),
    ("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nx", "body_timeout"),
    ("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nx", "body_timeout"),
    ("GET /bytes/100000000 HTTP/1.1\r\nHost: test\r\n\r\n", "write_timeout"),
];
const EACH: usize = 4;

fn peers_behind_a_cut_link_are_given_up(engine: Engine) {
    let link = Link::new();
    let deadlines =
        ["--head-timeout", "1s", "--body-timeout", "1s", "--idle-timeout", "1s", "--write-timeout", "1s"];
    let lingers = ["--linger-timeout", "200ms"];
    let server = link.serve(&Server::command(engine, &[&FLAGS[..], &deadlines, &lingers].concat()));
    let mut peers = Vec::new();
    for (said, _) in DOING {
        for _ in 0..EACH {
            let mut peer = link.connect(&server, Some(16 * 1024));
            assert_eq!(peer.get("/plaintext").status, 200);
            peer.send(said);
            peers.push(peer);
        }
    }
    link.cut();
    let counters = || Counters::read(&link.connect_beside(&server).get("/status").body);
    until("all are given up", || counters().connections() == 1);
    let counters = counters();
    for reason in ["idle_timeout", "head_timeout", "body_timeout", "write_timeout"] {
        let expected = DOING.iter().filter(|(_, how)| *how == reason).count() * EACH;
        assert_eq!(counters.closes(reason), expected as u64, "{reason}");
    }
}
