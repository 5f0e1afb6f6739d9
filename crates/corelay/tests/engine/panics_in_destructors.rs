//! A user's value may panic when it is dropped, and wherever the engine drops one it is ready for that.

use super::support::{Client, Serving, expect_panics, meeting, one_core, until};
use bytes::Bytes;
use corelay::config::Address;
use corelay::http::{Body, Request, Response, endpoint};
use corelay::{Router, Server};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// Panics when dropped, unless that would end the process.
#[derive(Clone)]
struct Trap;

impl Drop for Trap {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "in a destructor, on purpose");
    }
}

impl AsRef<[u8]> for Trap {
    fn as_ref(&self) -> &[u8] {
        b"trapped"
    }
}

/// As large as it takes not to be copied.
struct LargeTrap(Vec<u8>, #[allow(dead_code, reason = "its drop is what matters")] Trap);

impl AsRef<[u8]> for LargeTrap {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn chunks() -> Response {
    let trap = Trap;
    Response::chunks(std::iter::once(Ok(Bytes::from_static(b"trapped"))).inspect(move |_| {
        let _held = &trap;
    }))
}

fn written() -> Response {
    let trap = Trap;
    Response::writer(move |out| {
        let _held = &trap;
        out.write_all(b"trapped")
    })
}

fn extended(request: &mut Request<'_>) -> &'static str {
    request.extensions_mut().insert(Trap);
    "trapped"
}

fn large() -> Bytes {
    Bytes::from_owner(LargeTrap(vec![b'x'; 100_000], Trap))
}

fn router() -> Router {
    Router::new()
        .get("/chunks", chunks)
        .get("/written", written)
        .get("/extended", extended)
        .get("/bytes", || Bytes::from_owner(Trap))
        .get("/large", large)
        .get("/service/chunks", endpoint(chunks).blocking())
        .get("/service/written", endpoint(written).blocking())
        .get("/service/bytes", endpoint(|| Bytes::from_owner(Trap)).blocking())
        .get("/service/large", endpoint(large).blocking())
        .get("/pieces", || Response::chunks([Ok(Bytes::from_owner(Trap))]))
        .get("/", || "served")
}

const TARGETS: [&str; 10] = [
    "/chunks",
    "/written",
    "/extended",
    "/bytes",
    "/large",
    "/service/chunks",
    "/service/written",
    "/service/bytes",
    "/service/large",
    "/pieces",
];

fn everyone_else_is_served(method: &str) {
    expect_panics();
    let serving = Serving::start(router());
    let mut other = serving.client();
    for target in TARGETS {
        let mut client = serving.client();
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"));
        client.end();
        assert_eq!(other.get("/").text(), "served", "after {method} {target}");
    }
    until("no connection is lost", || serving.status().connections == 1);
    until("no service thread is lost", || {
        let service = serving.status().service;
        service.standby == service.threads
    });
    serving.end().unwrap();
}

#[test]
fn an_answer_that_panics_when_dropped_harms_nobody() {
    everyone_else_is_served("GET");
}

/// The body is dropped unsent.
#[test]
fn a_body_that_is_not_wanted_and_panics_when_dropped_harms_nobody() {
    everyone_else_is_served("HEAD");
}

/// The work that is turned away is dropped on the core.
#[test]
fn work_that_is_refused_and_panics_when_dropped_harms_nobody() {
    expect_panics();
    let (host, guest) = meeting();
    let mut config = one_core();
    config.limits.max_service_threads = 1;
    let wait = move || {
        guest.stay();
        "waited"
    };
    let serving = Serving::with(config, router().get("/wait", endpoint(wait).blocking()));
    let mut waiting = serving.client();
    waiting.send("GET /wait HTTP/1.1\r\nHost: test\r\n\r\n");
    host.wait_for_guest();
    // Its head is encoded by then, so what follows is no answer of its own.
    let mut refused = serving.client();
    refused.send("GET /written HTTP/1.1\r\nHost: test\r\n\r\n");
    refused.end();
    assert_eq!(serving.client().get("/").text(), "served");
    host.release();
    assert_eq!(waiting.answer().text(), "waited");
    serving.end().unwrap();
}

/// A Unix socket says at once that its peer is gone, so that not even the head is sent.
#[test]
fn an_answer_that_cannot_begin_and_panics_when_dropped_harms_nobody() {
    expect_panics();
    let (host, guest) = meeting();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let wait_for = |answer: fn() -> Response| {
        let guest = guest.clone();
        move || {
            guest.stay();
            answer()
        }
    };
    let router = Router::new()
        .get("/chunks", endpoint(wait_for(chunks)).blocking())
        .get("/written", endpoint(wait_for(written)).blocking())
        .get("/core/chunks", wait_for(chunks))
        .get("/core/written", wait_for(written))
        .get("/", || "served");
    let server = Server::new(one_core()).listen(Address::Unix(path.clone())).unwrap();
    let serving = Serving::of(server, router);
    for target in ["/chunks", "/written", "/core/chunks", "/core/written"] {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes()).unwrap();
        host.wait_for_guest();
        drop(stream);
        host.release();
        until("the connection is closed", || serving.status().connections == 0);
        let mut other = Client::over(UnixStream::connect(&path).unwrap());
        assert_eq!(other.get("/").text(), "served", "after {target}");
        drop(other);
        until("the connection is closed", || serving.status().connections == 0);
    }
    until("no service thread is lost", || {
        let service = serving.status().service;
        service.standby == service.threads
    });
    serving.end().unwrap();
}

/// The peer is gone before the answer is: what was to be sent is dropped all the same.
#[test]
fn an_answer_nobody_takes_that_panics_when_dropped_harms_nobody() {
    expect_panics();
    let endless = || {
        let trap = Trap;
        let chunk = Bytes::from_static(&[b'x'; 16 * 1024]);
        Response::chunks(std::iter::repeat_with(move || {
            let _held = &trap;
            Ok(chunk.clone())
        }))
    };
    let upload = |mut body: Body| {
        let trap = Trap;
        Response::writer(move |out| {
            let _held = &trap;
            let mut buffer = [0; 1024];
            while body.read(&mut buffer)? > 0 {}
            out.write_all(b"read")
        })
    };
    let router = router().get("/endless", endless).get("/service", endpoint(endless).blocking());
    let serving = Serving::start(router.post("/upload", upload));
    for (request, field) in
        [("GET /endless", ""), ("GET /service", ""), ("POST /upload", "Transfer-Encoding: chunked\r\n")]
    {
        let mut client = serving.client();
        client.send(format!("{request} HTTP/1.1\r\nHost: test\r\n{field}\r\n"));
        client.head();
        drop(client);
        until("the connection is closed", || serving.status().connections == 0);
        assert_eq!(serving.client().get("/").text(), "served", "after {request}");
        until("the connection is closed", || serving.status().connections == 0);
    }
    serving.end().unwrap();
}
