//! Messages that come in small pieces keep no thread, and are read as if they had come in one.

use rustix::process::Signal;

use crate::support::{Client, Engine, Generations, PATIENCE, Process, Server, until};
use std::time::Instant;

crate::on_engines!(
    (
        heads,
        bodies_with_a_length,
        chunked_bodies,
        bodies_that_nobody_wants,
        wrong_chunks,
        bodies_that_turn_out_too_large,
        peers_that_leave_in_the_middle,
        heads_that_are_never_whole,
        bodies_that_come_too_slowly,
        heads_move_at_an_upgrade,
        a_drain_lets_them_come_to_an_end
    )
    threads: THREADS,
    threads_gated: THREADS_GATED,
);

const PEERS: usize = 60;
/// Threads that may be left of theirs.
const FEW: usize = 6;
const FLAGS: [&str; 4] = ["--cores", "1", "--max-idle-threads", "3"];

fn threads_of_connections(process: Process) -> usize {
    process.thread_names().iter().filter(|name| *name == "corelay-client").count()
}

/// Peers that have sent `begin`, and then `piece` so often that none keeps a thread any more; how often.
fn trickling(mut peers: Vec<Client>, process: Process, begin: &str, piece: &str) -> (Vec<Client>, usize) {
    peers.iter_mut().for_each(|peer| peer.send(begin));
    let (started, mut pieces) = (Instant::now(), 0);
    while pieces < 3 || threads_of_connections(process) > FEW {
        peers.iter_mut().for_each(|peer| peer.send(piece));
        pieces += 1;
        assert!(started.elapsed() < PATIENCE, "{} threads", threads_of_connections(process));
    }
    (peers, pieces)
}

fn start(engine: Engine, flags: &[&str]) -> Server {
    Server::start(engine, &[&FLAGS[..], flags].concat())
}

fn trickling_to(server: &Server, begin: &str, piece: &str) -> (Vec<Client>, usize) {
    let peers = (0..PEERS).map(|_| server.connect()).collect();
    trickling(peers, server.process(), begin, piece)
}

const NEXT: &str = "GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n";

/// Each of them ends its message, sends another one behind it, and is answered both.
fn both_are_answered(peers: &mut [Client], end: &str, expected: &str) {
    let end = format!("{end}{NEXT}");
    for peer in peers {
        peer.send(&end);
        assert_eq!(peer.response().text(), expected);
        assert_eq!(peer.response().text(), "Hello, World!");
        assert_eq!(peer.get("/plaintext").status, 200, "and it goes on");
    }
}

fn heads(engine: Engine) {
    let server = start(engine, &[]);
    let (mut peers, _) = trickling_to(&server, "GET /plaintext HTTP/1.1\r\nHost: test\r\nX: ", "x");
    both_are_answered(&mut peers, "\r\n\r\n", "Hello, World!");
}

fn bodies_with_a_length(engine: Engine) {
    const LENGTH: usize = 50_000;
    let server = start(engine, &[]);
    let begin = format!("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: {LENGTH}\r\n\r\n");
    let (mut peers, pieces) = trickling_to(&server, &begin, "y");
    both_are_answered(
        &mut peers,
        &"z".repeat(LENGTH - pieces),
        &("y".repeat(pieces) + &"z".repeat(LENGTH - pieces)),
    );
}

const CHUNKED: &str = "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";

fn chunked_bodies(engine: Engine) {
    let server = start(engine, &[]);
    let (mut peers, pieces) = trickling_to(&server, CHUNKED, "2\r\nab\r\n");
    both_are_answered(&mut peers, "0\r\n\r\n", &"ab".repeat(pieces));
}

fn bodies_that_nobody_wants(engine: Engine) {
    let server = start(engine, &[]);
    let begin = CHUNKED.replace("POST /echo", "GET /plaintext");
    let (mut peers, _) = trickling_to(&server, &begin, "2\r\nab\r\n");
    both_are_answered(&mut peers, "0\r\n\r\n", "Hello, World!");
}

fn wrong_chunks(engine: Engine) {
    let server = start(engine, &[]);
    let (peers, _) = trickling_to(&server, CHUNKED, "2\r\nab\r\n");
    for mut peer in peers {
        peer.send("x\r\n");
        let answer = peer.response();
        assert_eq!((answer.status, answer.closes()), (400, true));
    }
}

fn bodies_that_turn_out_too_large(engine: Engine) {
    let server = start(engine, &["--max-buffered-body-bytes", "100000"]);
    let (peers, _) = trickling_to(&server, CHUNKED, "2\r\nab\r\n");
    for mut peer in peers {
        peer.send("fffff\r\n");
        let answer = peer.response();
        assert_eq!((answer.status, answer.closes()), (413, true));
    }
}

fn peers_that_leave_in_the_middle(engine: Engine) {
    let server = start(engine, &[]);
    let (peers, _) = trickling_to(&server, CHUNKED, "2\r\nab\r\n");
    drop(peers);
    let (more, _) = trickling_to(&server, "GET / HTTP/1.1\r\nX: ", "x");
    drop(more);
    let mut client = server.connect();
    until(|| {
        let status: serde_json::Value = serde_json::from_str(client.get("/status").text()).expect("JSON");
        (status["cores"][0]["closes"]["peer_closed_early"] == 2 * PEERS).then_some(())
    });
}

fn heads_that_are_never_whole(engine: Engine) {
    let server = start(engine, &["--head-timeout", "3s"]);
    let (peers, _) = trickling_to(&server, "GET / HTTP/1.1\r\nHost: test\r\nX: ", "x");
    for mut peer in peers {
        let answer = peer.response();
        assert_eq!((answer.status, answer.closes()), (408, true));
    }
}

fn bodies_that_come_too_slowly(engine: Engine) {
    let server = start(engine, &["--body-timeout", "2s", "--min-body-rate", "100000"]);
    let (mut peers, _) = trickling_to(&server, CHUNKED, "2\r\nab\r\n");
    while !peers.is_empty() {
        peers.retain_mut(|peer| {
            if peer.has_answer() {
                let answer = peer.response();
                assert_eq!((answer.status, answer.closes()), (408, true));
                return false;
            }
            let _ = peer.try_send("2\r\nab\r\n");
            true
        });
    }
}

fn heads_move_at_an_upgrade(engine: Engine) {
    let mut server = Generations::start(engine, &FLAGS);
    let peers = (0..PEERS).map(|_| server.connect()).collect();
    let begin = "GET /plaintext HTTP/1.1\r\nHost: test\r\nX: ";
    let (mut peers, _) = trickling(peers, server.process(), begin, "x");
    server.upgrade();
    peers.iter_mut().for_each(|peer| peer.send("y"));
    both_are_answered(&mut peers, "\r\n\r\n", "Hello, World!");
}

fn a_drain_lets_them_come_to_an_end(engine: Engine) {
    let server = start(engine, &[]);
    let (peers, _) = trickling_to(&server, "GET /plaintext HTTP/1.1\r\nHost: test\r\nX: ", "x");
    server.signal(Signal::TERM);
    for mut peer in peers {
        peer.send("\r\n\r\n");
        assert_eq!(peer.response().text(), "Hello, World!");
        peer.expect_end();
    }
    assert_eq!(server.wait().code, 0);
}
