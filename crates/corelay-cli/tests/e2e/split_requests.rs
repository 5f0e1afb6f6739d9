//! A request may arrive in any pieces.

use crate::on_every_engine;
use crate::support::{Engine, Server};

on_every_engine!(
    a_request_split_at_any_byte_is_one_request,
    a_request_sent_byte_by_byte_is_one_request,
    a_refused_request_split_at_any_byte_is_refused,
    what_comes_while_a_request_in_pieces_is_served_is_read,
);

const REQUESTS: [(&str, &str); 3] = [
    ("GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n", "Hello, World!"),
    ("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\n\r\nab\r\ncd", "ab\r\ncd"),
    (
        "POST /upload HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: u\r\n\r\n",
        "13",
    ),
];

/// One core serves both connections, so it has read what was sent on the first one when it answers on the second.
fn a_request_split_at_any_byte_is_one_request(engine: Engine) {
    let server = Server::start(engine, &["--cores", "1"]);
    let (mut client, mut other) = (server.connect(), server.connect());
    for (request, answer) in REQUESTS {
        for at in 1..request.len() {
            client.send(&request[..at]);
            assert_eq!(other.get("/plaintext").status, 200);
            client.send(&request[at..]);
            let response = client.response();
            assert_eq!(
                (response.status, response.text().trim_end()),
                (200, answer),
                "split at {at}: {request:?}"
            );
        }
    }
}

fn a_request_sent_byte_by_byte_is_one_request(engine: Engine) {
    let server = Server::start(engine, &["--cores", "1"]);
    let (mut client, mut other) = (server.connect(), server.connect());
    for (request, answer) in REQUESTS {
        for byte in request.as_bytes() {
            client.send([*byte]);
            assert_eq!(other.get("/plaintext").status, 200);
        }
        let response = client.response();
        assert_eq!((response.status, response.text().trim_end()), (200, answer), "{request:?}");
    }
}

/// The refusal may come before the second piece is sent, so sending that one may fail.
fn a_refused_request_split_at_any_byte_is_refused(engine: Engine) {
    let server = Server::start(engine, &["--cores", "1"]);
    let mut other = server.connect();
    let request =
        "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for at in 1..request.len() {
        let mut client = server.connect();
        client.send(&request[..at]);
        assert_eq!(other.get("/plaintext").status, 200);
        let _ = client.try_send(&request[at..]);
        assert_eq!(client.response().status, 400, "split at {at}");
        client.expect_end();
    }
}

/// A second request begins before the first, which came in pieces, is answered: nobody has to tell of it twice.
fn what_comes_while_a_request_in_pieces_is_served_is_read(engine: Engine) {
    let server = Server::start(engine, &["--head-timeout", "1h", "--idle-timeout", "1h"]);
    let request = "GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n".repeat(2);
    for _ in 0..50 {
        let mut clients = [(); 24].map(|()| server.connect());
        for octet in request.as_bytes() {
            clients.iter_mut().for_each(|client| client.send([*octet]));
        }
        for client in &mut clients {
            assert_eq!((client.response().status, client.response().status), (200, 200));
        }
    }
}
