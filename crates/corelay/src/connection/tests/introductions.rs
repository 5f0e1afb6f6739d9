//! A proxy's connection begins with a header that names the client, wherever it is cut; anything else closes it.

use super::{PROXY, Rig};
use crate::config::Config;
use crate::connection::{CloseReason, Next};
use crate::http::{Request, Router};
use crate::status::Phase;
use std::net::Shutdown;
use std::time::Duration;

const HEADER: &str = "PROXY TCP4 192.0.2.7 203.0.113.1 40000 443\r\n";
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

fn peer(request: &mut Request<'_>) -> String {
    request.peer().map_or_else(|| "none".to_owned(), |peer| peer.to_string())
}

fn rig_with(config: Config) -> Rig {
    let mut rig = Rig::with(config, Router::new().get("/", peer));
    rig.reconnect_proxied();
    rig
}

fn rig() -> Rig {
    rig_with(Config::default())
}

/// The bodies of the answers.
fn answers(rig: &mut Rig) -> Vec<String> {
    let text = rig.received_text();
    let answers = text.split("HTTP/1.1 200 OK\r\n").skip(1);
    answers.map(|answer| answer.split_once("\r\n\r\n").unwrap().1.to_owned()).collect()
}

#[test]
fn the_peer_is_who_the_header_names_whether_requests_come_with_it_or_behind_it() {
    let mut rig = rig();
    assert_eq!(rig.send([HEADER, REQUEST, REQUEST].concat()), None);
    assert_eq!(rig.send(REQUEST), None);
    assert_eq!(answers(&mut rig), ["192.0.2.7:40000"; 3]);
    rig.reconnect_proxied();
    assert_eq!(rig.send(HEADER), None);
    assert!(
        rig.connection().unfinished.is_none(),
        "an introduced connection without a request holds nothing"
    );
    assert_eq!(rig.send(REQUEST), None);
    assert_eq!(answers(&mut rig), ["192.0.2.7:40000"]);
}

#[test]
fn header_and_request_may_be_cut_anywhere() {
    let binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xc0\0\x02\x07\xcb\0\x71\x01\x9c\x40\x01\xbb\x04\0\0";
    let mut rig = rig();
    for header in [HEADER.as_bytes(), binary] {
        let input = [header, REQUEST.as_bytes()].concat();
        for cut in 0..input.len() {
            rig.reconnect_proxied();
            assert_eq!(rig.send(&input[..cut]), None, "{cut}");
            assert_eq!(rig.send(&input[cut..]), None, "{cut}");
            assert_eq!(answers(&mut rig), ["192.0.2.7:40000"], "{cut}");
        }
        rig.reconnect_proxied();
        for byte in &input {
            assert_eq!(rig.send([*byte]), None);
        }
        assert_eq!(answers(&mut rig), ["192.0.2.7:40000"], "byte by byte");
    }
}

#[test]
fn the_peer_of_a_connection_of_the_proxys_own_is_the_proxy() {
    let mut rig = rig();
    for header in ["PROXY UNKNOWN\r\n", "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
        rig.reconnect_proxied();
        assert_eq!(rig.send([header, REQUEST].concat()), None);
        assert_eq!(answers(&mut rig), [PROXY.to_string()], "{header:?}");
    }
    let unix = [b"\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8".as_slice(), &[0; 216], REQUEST.as_bytes()].concat();
    rig.reconnect_proxied();
    assert_eq!(rig.send(unix), None);
    assert_eq!(answers(&mut rig), ["none"]);
}

#[test]
fn what_is_not_introduced_is_closed_and_not_read_as_a_request() {
    let mut rig = rig();
    let long = format!("PROXY UNKNOWN {}", "x".repeat(93));
    let large = "\r\n\r\n\0\r\nQUIT\n\x21\x11\x7f\x7f";
    for input in [REQUEST, "PROXY TCP4 192.0.2.7\r\n", &long, large] {
        rig.reconnect_proxied();
        assert_eq!(rig.send(input), Some(CloseReason::ProxyHeader), "{input:?}");
        assert_eq!(rig.received_text(), "", "{input:?}");
    }
}

#[test]
fn a_second_header_is_a_malformed_request() {
    let mut rig = rig();
    assert_eq!(rig.send([HEADER, HEADER, REQUEST].concat()), None);
    assert!(rig.received_text().starts_with("HTTP/1.1 400 "));
}

#[test]
fn where_no_proxy_is_expected_a_header_is_a_malformed_request() {
    let mut rig = rig();
    rig.reconnect();
    assert_eq!(rig.send([HEADER, REQUEST].concat()), None);
    assert!(rig.received_text().starts_with("HTTP/1.1 400 "));
}

#[test]
fn a_header_has_until_the_first_deadline_however_slowly_it_comes() {
    for begun in ["", "PROXY TCP4 192.0.2.7"] {
        let mut rig = rig();
        let head_timeout = rig.server.config.deadlines.head_timeout;
        rig.pass(head_timeout / 2);
        if !begun.is_empty() {
            assert_eq!(rig.send(begun), None);
        }
        assert!(rig.time_left() <= head_timeout / 2 + Duration::from_millis(200), "{:?}", rig.time_left());
        rig.pass(head_timeout);
        assert!(matches!(rig.expire(), Next::Close(CloseReason::ProxyHeader)));
    }
}

#[test]
fn a_proxy_that_only_looks_whether_somebody_listens_closes_as_a_peer_does() {
    let mut rig = rig();
    rig.peer.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rig.run(), Some(CloseReason::PeerClosed));
    rig.reconnect_proxied();
    assert_eq!(rig.send("PROXY "), None);
    rig.peer.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rig.run(), Some(CloseReason::PeerClosedEarly));
}

#[test]
fn a_draining_server_closes_one_that_has_not_begun_and_waits_for_one_that_has() {
    let mut rig = rig();
    assert!(rig.connection().is_idle());
    rig.server.enter_phase(Phase::Draining);
    assert_eq!(rig.run(), Some(CloseReason::Drain));
    rig.reconnect_proxied();
    assert_eq!(rig.send("PROXY TCP4 192.0.2.7"), None);
    assert!(!rig.connection().is_idle());
    assert_eq!(rig.send([" 203.0.113.1 40000 443\r\n", REQUEST].concat()), None);
    let answer = rig.received_text();
    assert!(answer.contains("Connection: close") && answer.ends_with("192.0.2.7:40000"), "{answer}");
}

#[test]
fn connections_count_for_the_client_that_is_named() {
    let mut config = Config::default();
    config.limits.max_connections_per_peer = Some(1);
    let mut rig = rig_with(config);
    assert_eq!(rig.send([HEADER, REQUEST].concat()), None);
    assert_eq!(answers(&mut rig), ["192.0.2.7:40000"]);
    let first = rig.connection.take();
    rig.reconnect_proxied();
    assert_eq!(rig.send([HEADER, REQUEST].concat()), Some(CloseReason::Overload));
    assert!(rig.received_text().starts_with("HTTP/1.1 503 "));
    rig.reconnect_proxied();
    assert_eq!(rig.send([&HEADER.replace(".7", ".8"), REQUEST].concat()), None);
    assert_eq!(answers(&mut rig), ["192.0.2.8:40000"]);
    drop(first);
}
