//! SIGSTOP and SIGCONT: deadlines pass while the server is stopped. What its peers sent meanwhile, they sent in time.

use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Client, Engine, Server};
use crate::{Neighbour, start, until};

crate::on_three_engines!(who_sent_in_time_is_answered_after_a_stop, who_did_not_is_408_after_a_stop);

/// All deadlines, and a while in which each of them passes.
const DEADLINES: [&str; 6] =
    ["--head-timeout", "700ms", "--body-timeout", "700ms", "--idle-timeout", "700ms"];
const STOP: Duration = Duration::from_millis(1500);

/// What is sent before the stop and during it.
const REQUESTS: [(&str, &str); 5] = [
    ("", "GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n"),
    ("GET /plaintext HT", "TP/1.1\r\nHost: test\r\n\r\n"),
    ("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 13\r\n\r\nHello", ", World!"),
    (
        "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n",
        "8\r\n, World!\r\n0\r\n\r\n",
    ),
    ("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 13\r\n\r\nHello", ", World!"),
];

/// A connection for each request, in the middle of it, and each known to the server.
fn begun(server: &Server) -> Vec<Client> {
    let mut peers: Vec<Client> = REQUESTS.map(|_| server.connect()).into();
    for (peer, (before, _)) in peers.iter_mut().zip(REQUESTS) {
        assert_eq!(peer.get("/plaintext").status, 200);
        peer.send(before);
    }
    peers
}

fn stop(server: &Server, peers: &mut [Client], meanwhile: impl Fn(&mut Client, &'static str)) {
    server.signal(Signal::STOP);
    until("all its threads have stopped", || server.process().threads_are_all('T'));
    for (peer, (_, rest)) in peers.iter_mut().zip(REQUESTS) {
        meanwhile(peer, rest);
    }
    assert!(!peers[0].answers_within(STOP), "a stopped process answers nothing");
    server.signal(Signal::CONT);
}

fn who_sent_in_time_is_answered_after_a_stop(engine: Engine) {
    let server = start(engine, &DEADLINES);
    let mut peers = begun(&server);
    stop(&server, &mut peers, |peer, rest| peer.send(rest));
    for (number, peer) in peers.iter_mut().enumerate() {
        let answer = peer.response();
        let expected = if number == 4 { "13" } else { "Hello, World!" };
        assert_eq!((answer.status, answer.text()), (200, expected), "request {number}");
    }
    Neighbour::of(&server).asks_twice();
}

fn who_did_not_is_408_after_a_stop(engine: Engine) {
    let server = start(engine, &DEADLINES);
    let mut peers = begun(&server);
    stop(&server, &mut peers, |_, _| {});
    peers[0].expect_end();
    for peer in &mut peers[1..] {
        assert_eq!(peer.response().status, 408);
    }
    // What was refused is closed when its peer has closed.
    drop(peers);
    let mut neighbour = Neighbour::of(&server);
    until("each is closed for what it was late with", || {
        let counters = neighbour.counters();
        let closes = |reason| counters.closes(reason);
        (closes("idle_timeout"), closes("head_timeout"), closes("body_timeout")) == (1, 1, 3)
    });
}
