//! A body that no handler reads is drained up to a limit, so that the next request is found; past it the connection ends
//! (RFC 9112 9.3).

use crate::on_every_engine;
use crate::support::{Engine, Server};

on_every_engine!(
    a_short_unread_body_keeps_the_connection,
    a_long_unread_body_ends_the_connection_after_the_answer,
    a_short_unread_chunked_body_keeps_the_connection,
);

const LIMIT: [&str; 2] = ["--max-unread-body-bytes", "10000"];

fn a_short_unread_body_keeps_the_connection(engine: Engine) {
    let server = Server::start(engine, &LIMIT);
    let mut client = server.connect();
    for (target, status) in [("/plaintext", 405), ("/nothing", 404)] {
        let response = client.request("POST", target, &[b'x'; 9_000]);
        assert_eq!((response.status, response.closes()), (status, false));
    }
    assert_eq!(client.request("GET", "/plaintext", &[b'x'; 9_000]).status, 200);
    assert_eq!(client.get("/json").status, 200);
}

fn a_short_unread_chunked_body_keeps_the_connection(engine: Engine) {
    let server = Server::start(engine, &LIMIT);
    let mut client = server.connect();
    client.send("POST /plaintext HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
    client.send("lo\r\n0\r\n\r\n");
    assert_eq!(client.response().status, 405);
    assert_eq!(client.get("/json").status, 200);
}

fn a_long_unread_body_ends_the_connection_after_the_answer(engine: Engine) {
    let server = Server::start(engine, &LIMIT);
    let mut client = server.connect();
    client.send("POST /plaintext HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n");
    client.send(vec![b'x'; 1_000_000]);
    client.send("GET /json HTTP/1.1\r\nHost: test\r\n\r\n");
    let response = client.response();
    assert_eq!((response.status, response.closes()), (405, true));
    client.expect_end();
}
