//! What the protocol forbids is refused with its status code, and the connection ends cleanly after the answer.
//!
//! The rules themselves are tested in `corelay-http` at every split; here each is seen from the other end of a socket.

use crate::on_every_engine;
use crate::support::{Engine, Server};

on_every_engine!(
    a_bad_request_line_is_refused,
    a_bad_target_is_refused,
    a_bad_header_is_refused,
    a_bad_host_is_refused,
    what_is_too_large_is_refused,
    bad_framing_is_refused,
    a_bad_chunked_body_is_refused,
    a_bad_chunked_body_is_refused_however_it_comes,
    what_nobody_wants_is_not_answered_before_it_ends,
    a_refused_head_request_gets_no_content,
    another_protocol_is_refused_at_once,
);

/// Sends each request on a connection of its own; wants this status, `Connection: close`, and a clean end.
fn refused(engine: Engine, cases: &[(u16, String)]) {
    let server = Server::start(engine, &[]);
    for (status, request) in cases {
        let mut client = server.connect();
        client.send(request);
        let response = client.response();
        let shown = &request[..request.len().min(120)];
        assert_eq!(response.status, *status, "{shown:?}: {:?}", response.text());
        assert!(response.closes(), "{shown:?}");
        client.expect_end();
    }
    assert_eq!(server.connect().get("/plaintext").status, 200, "nobody else was harmed");
}

/// A request with these header lines, Host among them already.
fn with_fields(lines: &str) -> String {
    format!("POST /echo HTTP/1.1\r\nHost: test\r\n{lines}\r\n\r\n")
}

fn a_bad_request_line_is_refused(engine: Engine) {
    let cases = [
        (400, "GET\r\n"),
        (400, "GET /\r\n"),
        (400, "GET  / HTTP/1.1\r\n"),
        (400, "GET /  HTTP/1.1\r\n"),
        (400, "GET\t/ HTTP/1.1\r\n"),
        (400, " GET / HTTP/1.1\r\n"),
        (400, "G@T / HTTP/1.1\r\n"),
        (400, "GET / HTTP/1.1 \r\n"),
        (400, "GET / http/1.1\r\n"),
        (400, "GET / HTTP/11\r\n"),
        (400, "GET / HTTP/1.1\n"),
        (400, "GET / HTTP/1.1\rHost: test\r\n"),
        (505, "GET / HTTP/2.0\r\n"),
        (505, "GET / HTTP/0.9\r\n"),
        (400, "GET / HTTP/01.1\r\n"),
        (400, "GET / HTTP/2\r\n"),
        // HTTP/2's preface (RFC 9113 3.4): refused at the asterisk, before its version is seen.
        (505, "PRI * HTTP/2.0\r\n"),
    ];
    refused(engine, &cases.map(|(status, line)| (status, format!("{line}Host: test\r\n\r\n"))));
}

fn a_bad_target_is_refused(engine: Engine) {
    let cases = [
        (400, "GET plaintext HTTP/1.1"),
        (400, "GET example.org:80 HTTP/1.1"),
        (400, "GET * HTTP/1.1"),
        (400, "CONNECT / HTTP/1.1"),
        (400, "CONNECT example.org HTTP/1.1"),
        (400, "GET /a#b HTTP/1.1"),
        (400, "GET /a\u{7f}b HTTP/1.1"),
        (400, "GET /a\0b HTTP/1.1"),
        (400, "GET http:// HTTP/1.1"),
    ];
    refused(engine, &cases.map(|(status, line)| (status, format!("{line}\r\nHost: test\r\n\r\n"))));
}

fn a_bad_header_is_refused(engine: Engine) {
    let cases = [
        "X-Space : before the colon",
        ": no name",
        "no colon",
        "X(Y): not a token",
        "X-Folded: one\r\n two",
        "X-Folded: one\r\n\ttwo",
        " X-First: folded into nothing",
        "X-Bare: a\rb",
        "X-Bare: a\nY: b",
        "X-Nul: a\0b",
        "X-Control: a\u{1}b",
    ];
    refused(engine, &cases.map(|line| (400, with_fields(line))));
}

fn a_bad_host_is_refused(engine: Engine) {
    let cases = [
        "X: no host at all",
        "Host:",
        "Host: :80",
        "Host: a\r\nHost: a",
        "Host: a, b",
        "Host: a b",
        "Host: user@a",
        "Host: a:port",
        "Host: [::1",
        "Host: a/b",
    ];
    refused(engine, &cases.map(|lines| (400, format!("GET / HTTP/1.1\r\n{lines}\r\n\r\n"))));
}

fn what_is_too_large_is_refused(engine: Engine) {
    let long = |length| "a".repeat(length);
    refused(
        engine,
        &[
            (414, format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", long(9_000))),
            (414, format!("GET /{}", long(9_000))),
            (431, with_fields(&format!("X-Long: {}", long(20_000)))),
            (431, with_fields(&"X: y\r\n".repeat(101))),
            (431, with_fields(&format!("{}: y", long(20_000)))),
            (400, format!("{} / HTTP/1.1\r\nHost: test\r\n\r\n", "A".repeat(1_000))),
            (400, "\r\n".repeat(1_000)),
        ],
    );
}

fn bad_framing_is_refused(engine: Engine) {
    let cases = [
        (400, "Content-Length: +5"),
        (400, "Content-Length: -1"),
        (400, "Content-Length: 5, 5"),
        (400, "Content-Length: 5\r\nContent-Length: 5"),
        (400, "Content-Length: 5\r\nContent-Length: 6"),
        (400, "Content-Length: 0x5"),
        (400, "Content-Length: 5 5"),
        (400, "Content-Length:"),
        (400, "Content-Length: 99999999999999999999999"),
        (400, "Transfer-Encoding: chunked, gzip"),
        (400, "Transfer-Encoding: chunked, chunked"),
        (400, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        (400, "Transfer-Encoding: chunked;q=1"),
        (400, "Transfer-Encoding: xchunked"),
        (501, "Transfer-Encoding: gzip, chunked"),
        // A list in two lines is legal, and the favourite disguise of smugglers: one line or none.
        (400, "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"),
        (400, "Transfer-Encoding: chunked\r\nContent-Length: 5"),
        (400, "Content-Length: 5\r\nTransfer-Encoding: chunked"),
        (417, "Expect: 200-ok\r\nContent-Length: 1"),
    ];
    let mut cases: Vec<_> = cases.iter().map(|(status, lines)| (*status, with_fields(lines))).collect();
    cases.push((400, "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()));
    refused(engine, &cases);
}

/// These are seen only once the head was taken: by a handler that streams its body, by one given the whole of it, and where
/// nobody wants it.
fn a_bad_chunked_body_is_refused(engine: Engine) {
    let bodies = [
        "x\r\n",
        "\r\n",
        "-1\r\n",
        "5\nhello\r\n",
        "5\r\nhello!\r\n",
        "5\r\nhello\n",
        "5 \r\nhello\r\n",
        "11111111111111111\r\n",
        "5;x=\ny\r\n",
        "5;\r\nhello\r\n",
        "5;x[\r\nhello\r\n",
        "5;x=\"\r\nhello\r\n",
        "0\r\nX-Trailer : y\r\n\r\n",
        "0\r\nX-Trailer: a\0\r\n\r\n",
    ];
    for target in ["POST /upload", "POST /echo", "GET /plaintext", "POST /nothing"] {
        let head = format!("{target} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
        refused(engine, &bodies.map(|body| (400, format!("{head}{body}"))));
        let extensions = "1;".to_owned() + &"x".repeat(1_000);
        refused(engine, &[(400, format!("{head}{extensions}"))]);
    }
}

/// Also where nobody wants the body: the answer waits for its end, or it would depend on the segments.
fn a_bad_chunked_body_is_refused_however_it_comes(engine: Engine) {
    let server = Server::start(engine, &[]);
    let bodies = ["5;x=\"\n", "5\r\nhello!", "5\r\nhello\r\n0\r\nX-Trailer : y\r\n"];
    for target in
        ["POST /upload", "POST /echo", "GET /plaintext", "POST /nothing", "POST /json", "GET /sleep/0"]
    {
        for body in bodies {
            let mut client = server.connect();
            client.send(format!("{target} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"));
            for octet in body.as_bytes() {
                if client.try_send([*octet]).is_err() {
                    break;
                }
            }
            let response = client.response();
            assert_eq!((response.status, response.closes()), (400, true), "{target} {body:?}");
            client.expect_end();
        }
    }
}

fn what_nobody_wants_is_not_answered_before_it_ends(engine: Engine) {
    let server = Server::start(engine, &["--body-timeout", "300ms"]);
    let (mut client, mut other) = (server.connect(), server.connect());
    for (target, status) in
        [("GET /plaintext", 200), ("POST /nothing", 404), ("POST /json", 405), ("GET /sleep/0", 200)]
    {
        client.send(format!("{target} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"));
        assert_eq!(other.get("/plaintext").status, 200);
        assert!(!client.has_answer(), "{target}");
        client.send("lo\r\n0\r\n\r\n");
        let response = client.response();
        assert_eq!((response.status, response.closes()), (status, false), "{target}");
    }
    client.send("HEAD /plaintext HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
    let response = client.response_to("HEAD");
    assert_eq!((response.status, response.closes()), (408, true));
    client.expect_end();
}

/// RFC 9110 9.3.2: the length that it would have, and nothing more.
fn a_refused_head_request_gets_no_content(engine: Engine) {
    let server = Server::start(engine, &["--body-timeout", "300ms", "--head-timeout", "300ms"]);
    let cases = [
        (400, "/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned()),
        (414, format!("/{} HTTP/1.1\r\n", "a".repeat(9_000))),
        (417, "/ HTTP/1.1\r\nHost: test\r\nExpect: x\r\n\r\n".to_owned()),
        (431, format!("/ HTTP/1.1\r\n{}", "X: y\r\n".repeat(200))),
        (501, "/ HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n".to_owned()),
        (505, "/ HTTP/2.0\r\n".to_owned()),
        (400, "/echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nx".to_owned()),
        (400, "/plaintext HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nx".to_owned()),
        (413, "/echo HTTP/1.1\r\nHost: test\r\nContent-Length: 100000000\r\n\r\n".to_owned()),
        (408, "/ HTTP/1.1\r\nHost: te".to_owned()),
        (408, "/echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhel".to_owned()),
    ];
    for before in ["", "\r\n"] {
        for (status, rest) in &cases {
            let mut client = server.connect();
            client.send(format!("{before}HEAD {rest}"));
            let response = client.response_to("HEAD");
            let shown = &rest[..rest.len().min(80)];
            assert_eq!((response.status, response.closes()), (*status, true), "{shown:?}");
            assert_ne!(response.field("content-length"), Some("0"), "{shown:?}");
            client.expect_end();
        }
    }
}

/// No line end is needed to see that a TLS ClientHello or an SSH banner is no request, and none is waited for.
fn another_protocol_is_refused_at_once(engine: Engine) {
    let server = Server::start(engine, &[]);
    for greeting in
        [b"\x16\x03\x01\x02\x00\x01\x00".as_slice(), b"SSH-2.0-x\r\n", b"\x00\x00", b"\xff\xfd\x18"]
    {
        let mut client = server.connect();
        client.send(greeting);
        assert_eq!(client.response().status, 400, "{greeting:?}");
        client.expect_end();
    }
}
