//! A client that has sent all it will send, and says so (FIN), still gets its answers. Request and FIN often arrive together.

use crate::on_every_engine;
use crate::support::{Engine, Server};

on_every_engine!(
    a_request_and_fin_get_the_answer,
    pipelined_requests_and_fin_get_every_answer,
    a_large_answer_is_sent_whole_to_a_half_closed_peer,
    fin_within_a_head_ends_the_connection,
    fin_within_a_body_ends_the_connection,
);

fn a_request_and_fin_get_the_answer(engine: Engine) {
    let server = Server::start(engine, &[]);
    for request in ["GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n", "GET /plaintext HTTP/1.0\r\n\r\n"] {
        for _ in 0..50 {
            let mut client = server.connect();
            client.send(request);
            client.finish_sending();
            assert_eq!(client.response().text(), "Hello, World!");
            client.expect_end();
        }
    }
}

fn pipelined_requests_and_fin_get_every_answer(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi".repeat(500));
    client.finish_sending();
    for _ in 0..500 {
        assert_eq!(client.response().text(), "hi");
    }
    client.expect_end();
}

fn a_large_answer_is_sent_whole_to_a_half_closed_peer(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send("GET /bytes/20000000 HTTP/1.1\r\nHost: test\r\n\r\n");
    client.finish_sending();
    assert_eq!(client.response().body.len(), 20_000_000);
    client.expect_end();
}

/// Whether a 400 is sent to such a client first is the server's choice; that it does not wait is not.
fn fin_within_a_head_ends_the_connection(engine: Engine) {
    let server = Server::start(engine, &["--head-timeout", "1h"]);
    for request in ["", "GET /plain", "GET / HTTP/1.1\r\nHost: test\r\n"] {
        let mut client = server.connect();
        client.send(request);
        client.finish_sending();
        let rest = client.rest();
        assert!(
            rest.is_empty() || rest.starts_with(b"HTTP/1.1 400 "),
            "{:?}",
            String::from_utf8_lossy(&rest)
        );
    }
}

fn fin_within_a_body_ends_the_connection(engine: Engine) {
    let server = Server::start(engine, &["--body-timeout", "1h"]);
    for path in ["/upload", "/echo"] {
        for framing in ["Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"]
        {
            let mut client = server.connect();
            client.send(format!("POST {path} HTTP/1.1\r\nHost: test\r\n{framing}"));
            client.finish_sending();
            let rest = client.rest();
            let shown = String::from_utf8_lossy(&rest);
            assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 400 "), "{path} {framing:?}: {shown:?}");
        }
    }
}
