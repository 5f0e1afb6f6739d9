//! A message that two readers could read differently has one reading here: it is refused, and what follows it on the
//! connection is never taken for a request (RFC 9112 11.2).

use crate::on_every_engine;
use crate::support::{Engine, Server};

on_every_engine!(nothing_behind_a_refused_message_is_answered, a_request_in_a_body_is_body);

/// Each is followed by a request that must not be answered.
const VECTORS: [&str; 14] = [
    // Content-Length against Transfer-Encoding, in both orders and in disguise.
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\ncontent-length: 5\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\u{b}chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    // Transfer-Encoding against itself.
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    "POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    // Content-Length against itself.
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 35\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0,35\r\n\r\n",
    // A chunk that ends, or whose size line ends, where another reader would not see it end.
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;\n\rx\r\n0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\nx\r\n0\r\n\r\n",
];

fn nothing_behind_a_refused_message_is_answered(engine: Engine) {
    let server = Server::start(engine, &[]);
    for vector in VECTORS {
        let mut client = server.connect();
        client.send(format!("{vector}GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n"));
        let response = client.response();
        assert_eq!(response.status, 400, "{vector:?}: {:?}", response.text());
        client.expect_end();
    }
}

fn a_request_in_a_body_is_body(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    let inner = "GET /json HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(client.request("POST", "/echo", inner.as_bytes()).text(), inner);
    // Also where the handler never looks at the body: it is drained, not parsed as the next request.
    assert_eq!(client.request("POST", "/plaintext", inner.as_bytes()).status, 405);
    assert_eq!(client.get("/plaintext").text(), "Hello, World!");
}
