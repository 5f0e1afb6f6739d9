//! What peers can make the server hold stays below what `docs/memory.md` computes from the limits.

use std::time::Instant;

use serde_json::Value;

use crate::on_every_engine;
use crate::support::{Client, Engine, PATIENCE, Server};

on_every_engine!(peers_that_hold_all_they_may_stay_below_the_bound);

const KIB: u64 = 1024;
/// Connections of each kind.
const EACH: usize = 100;
const CONNECTIONS: u64 = 3 * EACH as u64 + 1;
const HEAD_BYTES: u64 = 4 * KIB;
const BODY_BYTES: u64 = 256 * KIB;
/// Less than what the bodies alone would need, so that some of them are refused.
const BUFFERED_BYTES: u64 = 16 * 1024 * KIB;
const PIPELINED: u64 = 8;
const SERVICE_THREADS: u64 = 8;
const STACK_BYTES: u64 = 256 * KIB;

const LIMITS: [&str; 16] = [
    "--max-connections",
    "301",
    "--max-head-bytes",
    "4k",
    "--max-buffered-body-bytes",
    "256k",
    "--max-buffered-bytes",
    "16m",
    "--max-pipelined",
    "8",
    "--max-service-threads",
    "8",
    "--service-stack-bytes",
    "256k",
    "--thread-stack-bytes",
    "256k",
];

/// The formula of `docs/memory.md`, less what the server takes before anybody has come.
fn bound(engine: Engine) -> u64 {
    let thread = if engine.name == "threads" { STACK_BYTES } else { 0 };
    let connections = CONNECTIONS * (12 * KIB + thread);
    let answers = (PIPELINED * 17 * KIB).max(256 * KIB);
    let service = (SERVICE_THREADS + 2) * (STACK_BYTES + 320 * KIB);
    connections + BUFFERED_BYTES + service + 2 * (64 * KIB + answers)
}

/// Sends this, of which the server makes nothing yet, or nothing at all.
fn unfinished(server: &Server, bytes: &[u8]) -> Client {
    let mut client = server.connect();
    for piece in bytes.chunks(64 * 1024) {
        // Where it is refused the connection may be at its end.
        let _ = client.try_send(piece);
    }
    client
}

fn status(admin: &mut Client) -> Value {
    serde_json::from_slice(&admin.get("/status").body).expect("JSON")
}

fn peers_that_hold_all_they_may_stay_below_the_bound(engine: Engine) {
    let mut command = Server::command(engine, &LIMITS);
    command.args(["--listen", "127.0.0.1:0", "--admin", "0"]);
    let server = Server::spawn(command);
    let mut admin = server.connect_to_admin();
    assert_eq!(server.connect().get("/plaintext").status, 200);
    let before = server.process().resident_bytes();

    let head =
        format!("GET /plaintext HTTP/1.1\r\nHost: test\r\nX: {}", "x".repeat(HEAD_BYTES as usize - 64));
    let mut body =
        format!("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: {BODY_BYTES}\r\n\r\n").into_bytes();
    body.resize(body.len() + BODY_BYTES as usize - 1, b'x');
    let held = || server.process().resident_bytes().saturating_sub(before);
    let (mut peers, mut most) = (Vec::new(), 0);
    for _ in 0..EACH {
        peers.push(unfinished(&server, head.as_bytes()));
        peers.push(unfinished(&server, &body));
        let mut reader = server.connect_with_receive_buffer(4096);
        reader.send("GET /bytes/1000000000 HTTP/1.1\r\nHost: test\r\n\r\n");
        peers.push(reader);
        most = held().max(most);
    }

    let begun = Instant::now();
    let mut now = status(&mut admin);
    // What it keeps counts from when there is room for it, and is in its memory when it has come.
    while now["refused"]["buffered_bytes"] == 0 || most < BUFFERED_BYTES / 4 {
        assert!(begun.elapsed() < PATIENCE, "{most} bytes are held, or all of it found room: {now}");
        most = held().max(most);
        now = status(&mut admin);
    }
    let kept = now["buffered_bytes"].as_u64().expect("a number");
    assert_eq!(now["buffered_bytes_max"], BUFFERED_BYTES);
    assert!(kept >= BUFFERED_BYTES / 2, "{kept} bytes: the peers did not make it keep what it may");
    assert!(kept <= BUFFERED_BYTES, "{kept} bytes are kept");
    assert!(most <= bound(engine), "{most} bytes are held, of {} at most", bound(engine));
    drop(peers);
    let begun = Instant::now();
    while status(&mut admin)["buffered_bytes"] != 0 {
        assert!(begun.elapsed() < PATIENCE, "the peers are gone, and what they had is still counted");
    }
}
