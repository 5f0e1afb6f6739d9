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
const PIPELINED: u64 = 8;
const SERVICE_THREADS: u64 = 8;
const STACK_BYTES: u64 = 256 * KIB;

const LIMITS: [&str; 14] = [
    "--max-connections",
    "301",
    "--max-head-bytes",
    "4k",
    "--max-buffered-body-bytes",
    "256k",
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
    let input = (64 * KIB).max(2 * HEAD_BYTES);
    let gathered = 2 * BODY_BYTES + HEAD_BYTES;
    // The demo's longest chunk is 64 KiB.
    let answers = (PIPELINED * 17 * KIB).max(2 * (64 + 64) * KIB);
    let connection = 4 * KIB + input + gathered.max(answers);
    let thread = if engine.name == "threads" { STACK_BYTES } else { 0 };
    let service = (SERVICE_THREADS + 2) * (STACK_BYTES + 320 * KIB);
    CONNECTIONS * (connection + thread) + service
}

/// Sends this, of which the server makes nothing yet.
fn unfinished(server: &Server, bytes: &[u8]) -> (Client, u64) {
    let mut client = server.connect();
    client.send(bytes);
    (client, bytes.len() as u64)
}

fn received(admin: &mut Client) -> u64 {
    let status: Value = serde_json::from_slice(&admin.get("/status").body).expect("JSON");
    let cores = status["cores"].as_array().expect("a list of cores");
    cores.iter().filter_map(|core| core["received_bytes"].as_u64()).sum()
}

fn peers_that_hold_all_they_may_stay_below_the_bound(engine: Engine) {
    let mut command = Server::command(engine, &LIMITS);
    command.args(["--listen", "127.0.0.1:0", "--admin", "0"]);
    let server = Server::spawn(command);
    let admin = server.admin().strip_prefix("http://").expect("a URL").to_owned();
    let mut admin = Client::new(std::net::TcpStream::connect(admin).expect("the admin listener accepts"));
    assert_eq!(server.connect().get("/plaintext").status, 200);
    let before = server.process().resident_bytes();

    let head =
        format!("GET /plaintext HTTP/1.1\r\nHost: test\r\nX: {}", "x".repeat(HEAD_BYTES as usize - 64));
    let mut body =
        format!("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: {BODY_BYTES}\r\n\r\n").into_bytes();
    body.resize(body.len() + BODY_BYTES as usize - 1, b'x');
    let heads: Vec<_> = (0..EACH).map(|_| unfinished(&server, head.as_bytes())).collect();
    let bodies: Vec<_> = (0..EACH).map(|_| unfinished(&server, &body)).collect();
    let readers: Vec<_> = (0..EACH)
        .map(|_| {
            let mut client = server.connect_with_receive_buffer(4096);
            client.send("GET /bytes/1000000000 HTTP/1.1\r\nHost: test\r\n\r\n");
            client
        })
        .collect();
    let sent: u64 = heads.iter().chain(&bodies).map(|(_, bytes)| bytes).sum();

    let begun = Instant::now();
    while received(&mut admin) < sent {
        assert!(begun.elapsed() < PATIENCE, "the server does not read");
    }
    let held = server.process().resident_bytes().saturating_sub(before);
    let bodies_alone = EACH as u64 * BODY_BYTES;
    assert!(held >= bodies_alone / 2, "{held} bytes: the peers did not make it hold their bodies");
    assert!(held <= bound(engine), "{held} bytes are held, of {} at most", bound(engine));
    drop((heads, bodies, readers));
}
