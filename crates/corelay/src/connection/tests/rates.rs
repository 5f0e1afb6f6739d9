//! A peer that asks too often gets 429 for what is too much, and everything else as ever.

use super::Rig;
use crate::config::Config;
use crate::http::Router;
use std::num::NonZeroU32;
use std::time::Duration;

const GET: &str = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

/// A connection of a peer that may make `burst` requests at once and one a second.
fn rig(burst: u32) -> Rig {
    let mut config = Config::default();
    config.limits.max_request_rate_per_peer = NonZeroU32::new(1);
    config.limits.request_burst_per_peer = burst;
    let router = Router::new().get("/", || "here").post("/echo", |body: Vec<u8>| body);
    let mut rig = Rig::with(config, router);
    rig.connection().peer = Some("10.0.0.1:1".parse().unwrap());
    rig
}

/// The statuses of the answers so far.
fn statuses(rig: &mut Rig) -> Vec<u16> {
    let text = rig.received_text();
    let lines = text.split("HTTP/1.1 ").skip(1);
    lines.map(|line| line[..3].parse().unwrap()).collect()
}

#[test]
fn what_is_pipelined_past_the_burst_is_refused_and_the_connection_goes_on() {
    let mut rig = rig(3);
    assert_eq!(rig.send(GET.repeat(5)), None);
    assert_eq!(statuses(&mut rig), [200, 200, 200, 429, 429]);
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.send(GET.repeat(2)), None);
    assert_eq!(statuses(&mut rig), [200, 429]);
}

#[test]
fn the_body_of_a_refused_request_is_no_request() {
    let mut rig = rig(1);
    let post = "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 30\r\n\r\n";
    assert_eq!(rig.send(format!("{GET}{post}{GET}")), None);
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.send(GET), None);
    assert_eq!(statuses(&mut rig), [200, 429, 200], "the 30 octets of body were a request of their own once");
}

#[test]
fn a_request_is_counted_once_however_it_comes() {
    let mut rig = rig(1);
    for byte in GET.bytes() {
        assert_eq!(rig.send([byte]), None);
    }
    assert_eq!(statuses(&mut rig), [200]);
    for byte in GET.bytes() {
        assert_eq!(rig.send([byte]), None);
    }
    let text = rig.received_text();
    assert!(text.starts_with("HTTP/1.1 429 ") && text.contains("\r\nretry-after: 1\r\n"), "{text}");
}
