//! A connection that becomes another protocol belongs to the closure it was given to.

use super::support::{Serving, until};
use corelay::Router;
use corelay::http::{Request, Response, StatusCode, Upgraded, endpoint};
use corelay::status::Phase;
use std::io::{Read, Write};

fn echo(mut connection: Upgraded) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = connection.read(&mut buffer) {
        if connection.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

fn upgrade(request: &mut Request<'_>) -> Result<Response, StatusCode> {
    match request.field("upgrade") {
        Some(b"echo") => Ok(Response::upgrade("echo", echo)),
        _ => Err(StatusCode::UPGRADE_REQUIRED),
    }
}

fn upload_and_upgrade(body: String) -> Response {
    Response::upgrade("echo", move |mut connection| {
        let _ = connection.write_all(format!("[{body}]").as_bytes());
        echo(connection);
    })
}

fn serving() -> Serving {
    let router = Router::new()
        .get("/", upgrade)
        .get("/blocking", endpoint(upgrade).blocking())
        .post("/upload", upload_and_upgrade)
        .post("/upload/blocking", endpoint(upload_and_upgrade).blocking())
        .post(
            "/upload/streamed",
            endpoint(|request: &mut Request<'_>| {
                upload_and_upgrade(request.extract::<String>().unwrap_or_default())
            })
            .blocking(),
        );
    Serving::start(router.connect(|request: &mut Request<'_>| {
        let target = request.target().to_owned();
        Response::tunnel(move |mut connection| {
            let _ = connection.write_all(format!("to {target}: ").as_bytes());
            echo(connection);
        })
    }))
}

const WISH: &str = "Host: test\r\nConnection: upgrade\r\nUpgrade: echo\r\n";

#[test]
fn bytes_sent_early_and_late_reach_the_new_protocol_in_order() {
    let serving = serving();
    for target in ["/", "/blocking"] {
        let mut client = serving.client();
        client.send(format!("GET {target} HTTP/1.1\r\n{WISH}\r\nearly "));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("\r\nUpgrade: echo\r\n") || head.contains("\r\nupgrade: echo\r\n"), "{head}");
        assert!(head.to_ascii_lowercase().contains("\r\nconnection: upgrade\r\n"), "{head}");
        assert!(!head.to_ascii_lowercase().contains("content-length"), "{head}");
        client.send("and late");
        assert_eq!(client.exactly(14), b"early and late");
        client.send("GET / HTTP/1.1\r\n\r\n");
        assert_eq!(client.exactly(18), b"GET / HTTP/1.1\r\n\r\n", "it is no longer HTTP");
        client.finish();
        assert_eq!(client.end().bytes(), b"");
    }
    until("both are counted", || serving.closes("upgraded") == 2);
    assert_eq!(serving.status().connections, 0);
    serving.end().unwrap();
}

#[test]
fn bytes_behind_a_body_are_early_bytes_too() {
    let serving = serving();
    for target in ["/upload", "/upload/blocking", "/upload/streamed"] {
        let mut client = serving.client();
        client.send(format!("POST {target} HTTP/1.1\r\n{WISH}Content-Length: 4\r\n\r\nbodyearly"));
        assert!(client.head().starts_with("HTTP/1.1 101 "));
        assert_eq!(client.exactly(11), b"[body]early", "{target}");
        client.finish();
        client.end();
    }
    serving.end().unwrap();
}

#[test]
fn a_refused_upgrade_stays_http() {
    let serving = serving();
    let mut client = serving.client();
    assert_eq!(client.get("/").status, 426);
    assert_eq!(client.get("/blocking").status, 426);
    serving.end().unwrap();
}

#[test]
fn connect_opens_a_tunnel() {
    let serving = serving();
    let mut client = serving.client();
    client.send("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\nearly ");
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let lower = head.to_ascii_lowercase();
    assert!(
        !lower.contains("content-length") && !lower.contains("transfer-encoding"),
        "RFC 9110 9.3.6: {head}"
    );
    client.send("late");
    assert_eq!(client.exactly(30), b"to example.org:443: early late");
    client.finish();
    assert_eq!(client.end().bytes(), b"");
    serving.end().unwrap();
}

#[test]
fn draining_waits_for_a_protocol_that_is_under_way() {
    let mut serving = serving();
    let mut client = serving.client();
    client.send(format!("GET / HTTP/1.1\r\n{WISH}\r\n"));
    assert!(client.head().starts_with("HTTP/1.1 101 "));
    serving.handle.drain();
    until("it drains", || serving.status().phase == Phase::Draining);
    client.send("still here");
    assert_eq!(client.exactly(10), b"still here");
    client.finish();
    client.end();
    serving.join().unwrap();
    assert_eq!(serving.closes("upgraded"), 1);
}
