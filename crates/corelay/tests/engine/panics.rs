//! A panic in user code costs its own request, and nobody else anything.

use super::support::{Serving, expect_panics, until};
use bytes::Bytes;
use corelay::Router;
use corelay::http::{Response, endpoint};

fn panicking() -> &'static str {
    panic!("on purpose")
}

/// A payload that panics again when the fence lets go of it.
struct Spiteful;

impl Drop for Spiteful {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "again");
    }
}

fn spite() -> ! {
    std::panic::panic_any(Spiteful)
}

fn router() -> Router {
    Router::new()
        .get("/core", panicking)
        .get("/service", endpoint(panicking).blocking())
        .get("/chunks", || Response::chunks(std::iter::repeat_with(|| panic!("on purpose"))))
        .get("/writer", || Response::writer(|_| panic!("on purpose")))
        .get("/upgrade", || Response::upgrade("test", |_| panic!("on purpose")))
        .get("/spite/core", || -> &'static str { spite() })
        .get("/spite/chunks", || Response::chunks(std::iter::repeat_with(|| spite())))
        .get("/spite/writer", || Response::writer(|_| spite()))
        .get("/spite/upgrade", || Response::upgrade("test", |_| spite()))
        .get("/", || Bytes::from_static(b"served"))
}

#[test]
fn a_handler_that_panics_is_a_500_and_its_connection_goes_on() {
    expect_panics();
    let serving = Serving::start(router());
    let mut client = serving.client();
    let requests = ["/", "/core", "/", "/service", "/spite/core", "/"];
    client.send(requests.map(|target| format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n")).concat());
    let statuses = requests.map(|_| client.answer().status);
    assert_eq!(statuses, [200, 500, 200, 500, 500, 200]);
    serving.end().unwrap();
}

#[test]
fn what_panics_behind_the_head_ends_its_connection_and_no_other() {
    expect_panics();
    let serving = Serving::start(router());
    let mut other = serving.client();
    for target in ["/chunks", "/writer", "/upgrade", "/spite/chunks", "/spite/writer", "/spite/upgrade"] {
        let mut client = serving.client();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        let end = client.end();
        assert!(!end.bytes().ends_with(b"0\r\n\r\n"), "{target}: {end:?}");
        assert_eq!(other.get("/").text(), "served", "after {target}");
    }
    until("all but one are closed", || serving.status().connections == 1);
    serving.end().unwrap();
}

#[test]
fn ten_thousand_panics_leave_nothing_behind() {
    expect_panics();
    let serving = Serving::start(router());
    let (connections, each) = (100, 100);
    for _ in 0..connections {
        let mut client = serving.client();
        client.send("GET /core HTTP/1.1\r\nHost: test\r\n\r\n".repeat(each));
        for _ in 0..each {
            assert_eq!(client.answer().status, 500);
        }
    }
    for target in ["/chunks", "/writer", "/service"].repeat(30) {
        let mut client = serving.client();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"));
        client.end();
    }
    until("every connection is closed", || serving.status().connections == 0);
    assert_eq!(serving.status().cores[0].requests, connections * each as u64 + 60);
    let mut client = serving.client();
    assert_eq!(client.get("/").text(), "served");
    until("no service thread is lost", || {
        let service = serving.status().service;
        service.standby == service.threads
    });
    serving.end().unwrap();
}
