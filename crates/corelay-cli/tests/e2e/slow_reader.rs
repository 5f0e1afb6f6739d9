//! A peer that reads slowly gets all of its answer, and slows down nobody else.

use serde_json::Value;

use crate::on_every_engine;
use crate::support::{Client, Engine, Server, until};

on_every_engine!(
    a_slow_reader_gets_every_byte,
    answers_behind_a_long_one_arrive_too,
    what_nobody_reads_waits_in_the_server,
    the_kernel_takes_as_much_as_it_likes_if_it_may,
);

const LENGTH: usize = 50_000_000;

/// The receive buffer is small, and every few reads the client goes away for a round trip on another connection, so the
/// server meets a full socket again and again.
fn a_slow_reader_gets_every_byte(engine: Engine) {
    let server = Server::start(engine, &["--cores", "1"]);
    let (mut slow, mut other) = (server.connect_with_receive_buffer(16 * 1024), server.connect());
    slow.send(format!("GET /bytes/{LENGTH} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"));
    let head = slow.response_head();
    assert_eq!(head.field("content-length"), Some(LENGTH.to_string().as_str()));
    let mut left = LENGTH;
    for _ in 0..500 {
        slow.exactly(1_000);
        left -= 1_000;
        assert_eq!(other.get("/plaintext").status, 200);
    }
    while left > 0 {
        let piece = left.min(100_000);
        slow.exactly(piece);
        left -= piece;
    }
    slow.expect_end();
}

fn answers_behind_a_long_one_arrive_too(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect_with_receive_buffer(64 * 1024);
    client.send(
        "GET /bytes/5000000 HTTP/1.1\r\nHost: test\r\n\r\n".repeat(4)
            + "GET /json HTTP/1.1\r\nHost: test\r\n\r\n",
    );
    for _ in 0..4 {
        assert_eq!(client.response().body.len(), 5_000_000);
    }
    assert!(client.response().text().starts_with('{'));
}

/// What the kernel takes of a connection that nobody reads from, if only its own limits bound it.
const UNREAD: u64 = 1_000_000;

/// A server, a client that asks it for so much and reads nothing, and one of its admin listener, whose answers do not count as sent.
fn unread(engine: Engine, lowat: &str) -> (Server, [Client; 2]) {
    let mut command = Server::command(engine, &["--notsent-lowat", lowat]);
    command.args(["--listen", "127.0.0.1:0", "--admin", "0"]);
    let server = Server::spawn(command);
    let admin = server.connect_to_admin();
    let mut idle = server.connect_with_receive_buffer(4096);
    idle.send(format!("GET /bytes/{UNREAD} HTTP/1.1\r\nHost: test\r\n\r\n"));
    (server, [idle, admin])
}

/// What the server keeps of answers, and what the kernel has taken of them.
fn kept_and_sent(admin: &mut Client) -> (u64, u64) {
    let status: Value = serde_json::from_slice(&admin.get("/status").body).expect("JSON");
    let cores = status["cores"].as_array().into_iter().flatten();
    let sent = cores.chain([&status["service"]]).filter_map(|of| of["sent_bytes"].as_u64()).sum();
    (status["buffered_bytes"].as_u64().expect("a number"), sent)
}

fn what_nobody_reads_waits_in_the_server(engine: Engine) {
    let (_server, [_idle, mut admin]) = unread(engine, "16k");
    let (mut before, mut looks) = (0, 0);
    let sent = until(|| {
        let (kept, sent) = kept_and_sent(&mut admin);
        // As long as it is being written some of it is kept as well.
        looks = if kept > 0 && sent > 0 && sent == before { looks + 1 } else { 0 };
        before = sent;
        (looks == 100).then_some(sent)
    });
    assert!(sent < UNREAD / 4, "the kernel has taken {sent} bytes");
}

fn the_kernel_takes_as_much_as_it_likes_if_it_may(engine: Engine) {
    let (_server, [_idle, mut admin]) = unread(engine, "0");
    until(|| (kept_and_sent(&mut admin).1 >= UNREAD).then_some(()));
}
