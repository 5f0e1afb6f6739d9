//! The clock is read once a wake-up, not once a request.

use super::support::{Client, Serving, one_core};
use corelay::{Clock, Router, Server};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Measurements of handlers that a core has saved up at the start, of two readings each (`tally.rs`). A clock that
/// stands still earns it no more.
const SAVED_READINGS: u64 = 2 * 64;
/// Of the status itself, twice.
const OTHER_READINGS: u64 = 2;

/// Time that stands still and counts who looks.
#[derive(Clone)]
struct Still {
    now: Instant,
    readings: Arc<AtomicU64>,
}

impl Clock for Still {
    fn now(&self) -> Instant {
        self.readings.fetch_add(1, Ordering::Relaxed);
        self.now
    }

    fn wall(&self) -> SystemTime {
        self.readings.fetch_add(1, Ordering::Relaxed);
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)
    }
}

/// Sends `requests`, `at_once` at a time; gives how many times the clock was read and the core woke up.
fn readings_and_wake_ups(requests: usize, at_once: usize) -> (u64, u64) {
    let clock = Still { now: Instant::now(), readings: Arc::default() };
    let readings = clock.readings.clone();
    let server = Server::new(one_core()).listen("127.0.0.1:0".parse().unwrap()).unwrap().clock(clock);
    let serving = Serving::of(server, Router::new().get("/", || "Hello, World!"));
    let mut client = serving.client();
    assert_eq!(
        client.get("/").field("date"),
        Some("Sun, 09 Sep 2001 01:46:40 GMT"),
        "the clock that was given"
    );
    let wake_ups = || serving.status().cores[0].wake_ups;
    let (read_before, woken_before) = (readings.load(Ordering::Relaxed), wake_ups());
    send(&mut client, requests, at_once);
    let woken = wake_ups() - woken_before;
    let read = readings.load(Ordering::Relaxed) - read_before;
    assert_eq!(serving.status().cores[0].requests, 1 + requests as u64);
    (read, woken)
}

fn send(client: &mut Client, requests: usize, at_once: usize) {
    let together = "GET / HTTP/1.1\r\nHost: test\r\n\r\n".repeat(at_once);
    for _ in 0..requests / at_once {
        client.send(&together);
        for _ in 0..at_once {
            assert_eq!(client.answer().text(), "Hello, World!");
        }
    }
}

#[test]
fn a_request_costs_no_reading_but_that_of_its_wake_up() {
    let (read, woken) = readings_and_wake_ups(10_000, 1);
    assert!(read <= woken + SAVED_READINGS + OTHER_READINGS, "{read} readings in {woken} wake-ups");
    assert!(read >= woken, "{read} readings in {woken} wake-ups: the count misses some");
}

#[test]
fn pipelined_requests_share_a_reading() {
    let (read, woken) = readings_and_wake_ups(10_000, 50);
    assert!(read <= woken + SAVED_READINGS + OTHER_READINGS, "{read} readings in {woken} wake-ups");
    assert!(
        read < 1_500,
        "{read} readings for 200 batches: one each, and at most another where a batch was split"
    );
}
