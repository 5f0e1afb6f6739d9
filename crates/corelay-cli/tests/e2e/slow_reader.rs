//! A peer that reads slowly gets all of its answer, and slows down nobody else.

use crate::on_every_engine;
use crate::support::{Engine, Server};

on_every_engine!(a_slow_reader_gets_every_byte, answers_behind_a_long_one_arrive_too);

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
