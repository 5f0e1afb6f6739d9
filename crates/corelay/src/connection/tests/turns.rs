//! What a serving thread lends to one connection comes back clean: the next one meets nothing of it, however it ended.

use super::Rig;
use crate::http::{Response, Router};
use std::io::Write;

static LARGE: [u8; 4 * 1024 * 1024] = [b'x'; 4 * 1024 * 1024];

fn router() -> Router {
    Router::new()
        .get("/", || "Hello, World!")
        .get("/large", || &LARGE[..])
        .get("/broken", || Response::chunks([Err(std::io::Error::other("on purpose"))]))
        .get("/upgrade", || Response::upgrade("test", |_| ()))
        .post("/echo", |body: Vec<u8>| body)
        .post("/unread", || "not looked at")
}

/// Inputs that leave a connection in every state there is.
const INPUTS: [&str; 20] = [
    "GET / HTTP/1.1\r\nHost: test\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "HEAD / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: te",
    "GET / HTTP/1.1\r\nHost: test\r\n\r\nGET / HTTP/1.1\r\nHost: te",
    "nonsense\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: test\r\n\r\nnonsense\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET /large HTTP/1.1\r\nHost: test\r\n\r\n",
    "GET /large HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n",
    "GET /broken HTTP/1.1\r\nHost: test\r\n\r\n",
    "GET /upgrade HTTP/1.1\r\nHost: test\r\n\r\nearly",
    "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhel",
    "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 99999999999\r\n\r\n",
    "POST /unread HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhel",
    "POST /unread HTTP/1.1\r\nHost: test\r\nContent-Length: 9999999\r\n\r\nhel",
];

fn assert_next_is_served(rig: &mut Rig, before: &str) {
    rig.reconnect();
    assert_eq!(rig.server.app.buffers.in_use(), 0, "kept after {before:?}");
    assert_eq!(rig.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n"), None, "after {before:?}");
    let answer = rig.received_text();
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nHello, World!"),
        "{before:?}: {answer}"
    );
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{before:?}: {answer}");
}

#[test]
fn the_next_connection_is_served_as_if_there_had_been_none() {
    let mut rig = Rig::new(router());
    for input in INPUTS {
        rig.reconnect();
        rig.send(input);
        assert_next_is_served(&mut rig, input);
    }
}

#[test]
fn the_next_connection_is_served_when_one_ran_out_of_time() {
    let mut rig = Rig::new(router());
    for input in INPUTS {
        rig.reconnect();
        if rig.send(input).is_none() {
            rig.expire();
        }
        assert_next_is_served(&mut rig, input);
    }
}

#[test]
fn the_next_connection_is_served_when_a_peer_is_gone() {
    let mut rig = Rig::new(router());
    for input in INPUTS {
        rig.reconnect();
        rig.peer.write_all(input.as_bytes()).unwrap();
        rig.peer.shutdown(std::net::Shutdown::Both).unwrap();
        rig.run();
        assert_next_is_served(&mut rig, input);
    }
}
