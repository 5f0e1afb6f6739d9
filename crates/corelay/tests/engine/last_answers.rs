//! The last answer of a connection arrives whole, whatever its peer sends behind the request that was to be its last (RFC 9112
//! section 9.6).

use super::support::{Client, End, Host, Serving, meeting, one_core, until};
use corelay::Router;
use corelay::http::endpoint;
use std::io::Write;

const LONG_BYTES: usize = 2_000_000;

const LAST: [&str; 3] = [
    "HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
    "HTTP/1.0\r\n\r\n",
    "HTTP/1.0\r\nConnection: close\r\n\r\n",
];

fn serving() -> (Serving, Host) {
    let (host, guest) = meeting();
    let (inline, blocking) = (guest.clone(), guest);
    let wait = move || {
        inline.stay();
        "short"
    };
    let block = move || {
        blocking.stay();
        "short"
    };
    let router = Router::new()
        .get("/wait", wait)
        .get("/wait/blocking", endpoint(block).blocking())
        .get("/long", || vec![b'x'; LONG_BYTES])
        .get("/long/blocking", endpoint(|| vec![b'x'; LONG_BYTES]).blocking());
    (Serving::with(one_core(), router), host)
}

fn asked(serving: &Serving, request: &str) -> Client {
    let mut client = serving.client();
    client.send(request);
    client
}

#[test]
fn input_that_comes_before_the_end_does_not_cost_the_answer() {
    let (serving, host) = serving();
    let mut ended = 0;
    for path in ["/wait", "/wait/blocking"] {
        for last in LAST {
            let mut client = asked(&serving, &format!("GET {path} {last}"));
            host.wait_for_guest();
            client.send("GET /long HTTP/1.1\r\nHost: test\r\n\r\n");
            host.release();
            let answer = client.answer();
            assert_eq!((answer.status, answer.text()), (200, "short"), "{path} {last:?}");
            client.finish();
            assert_eq!(client.end(), End::Clean(Vec::new()), "{path} {last:?}");
            ended += 1;
        }
    }
    until("each ended with its answer", || serving.closes("last_answer") == ended);
    serving.end().unwrap();
}

#[test]
fn input_that_comes_while_a_long_answer_is_on_its_way_does_not_cut_it_short() {
    let (serving, _host) = serving();
    for path in ["/long", "/long/blocking"] {
        for last in LAST {
            let mut client = asked(&serving, &format!("GET {path} {last}"));
            assert!(client.head().starts_with("HTTP/1.1 200 "), "{path} {last:?}");
            let mut writer = client.writer();
            for _ in 0..100 {
                writer.write_all(b"GET /long HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
            }
            assert_eq!(client.exactly(LONG_BYTES).len(), LONG_BYTES);
            client.finish();
            assert_eq!(client.end(), End::Clean(Vec::new()), "{path} {last:?}");
        }
    }
    serving.end().unwrap();
}

/// Nobody waits for a peer that has sent what it was to send, and does not close.
#[test]
fn a_peer_that_sends_nothing_more_is_not_waited_for() {
    let mut config = one_core();
    config.deadlines.linger_timeout = std::time::Duration::from_secs(3600);
    let router = Router::new().get("/", || "short").get("/blocking", endpoint(|| "short").blocking());
    let serving = Serving::with(config, router);
    let clients: Vec<Client> = ["/", "/blocking"]
        .into_iter()
        .flat_map(|path| LAST.map(|last| asked(&serving, &format!("GET {path} {last}"))))
        .collect();
    until("all are closed", || serving.closes("last_answer") == clients.len() as u64);
    until("none is left", || serving.status().connections == 0);
    for mut client in clients {
        assert_eq!(client.answer().text(), "short");
        assert_eq!(client.end(), End::Clean(Vec::new()));
    }
    serving.end().unwrap();
}
