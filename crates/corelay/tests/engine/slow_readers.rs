//! A peer that reads a little now and then is given up once it is slower than the least rate, whoever sends its answer: a serving
//! thread from where the body is, or from an iterator, or a handler that writes.

use crate::support::{Serving, one_core, until};
use bytes::Bytes;
use corelay::Router;
use corelay::http::Response;
use std::io::{Read, Write};
use std::time::Duration;

/// More than a socket takes.
static LARGE: [u8; 64 << 20] = [0; 64 << 20];
/// What is read at a time, in bytes, between two requests of somebody else.
const TRICKLE_BYTES: usize = 4096;

fn router() -> Router {
    let chunk = || Bytes::from_static(&LARGE[..64 * 1024]);
    let write = |out: &mut dyn Write| (0..1000).try_for_each(|_| out.write_all(&LARGE[..100_000]));
    Router::new()
        .get("/", || "served")
        .get("/whole", || &LARGE[..])
        .get("/chunks", move || Response::chunks(std::iter::repeat_with(move || Ok(chunk()))))
        .get("/written", move || Response::writer(write))
}

/// With little in the kernel, and with as much as it takes.
const NOTSENT_LOWATS: [u32; 2] = [16 * 1024, 0];
/// More than anybody reads, in bytes a second.
const MIN_WRITE_RATE: u64 = 100 << 30;

fn serving(notsent_lowat: u32) -> Serving {
    let mut config = one_core();
    config.sockets.notsent_lowat = notsent_lowat;
    config.deadlines.write_timeout = Duration::from_millis(500);
    config.deadlines.min_write_rate = MIN_WRITE_RATE;
    Serving::with(config, router())
}

fn is_given_up_as_too_slow(target: &str) {
    NOTSENT_LOWATS.into_iter().for_each(|notsent_lowat| is_given_up_with(notsent_lowat, target));
}

fn is_given_up_with(notsent_lowat: u32, target: &str) {
    let serving = serving(notsent_lowat);
    let mut other = serving.client();
    let trickles = || {
        let mut slow = serving.client();
        slow.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        let mut reading = slow.writer();
        while reading.read(&mut [0; TRICKLE_BYTES]).is_ok_and(|count| count > 0) {
            assert_eq!(other.get("/").text(), "served");
        }
        serving.closes("write_too_slow") > 0
    };
    // On a machine that pauses for half a second in the wrong place, a trickle looks like nothing at all.
    assert!(std::iter::repeat_with(trickles).take(10).any(|seen| seen), "none was seen to trickle");
    drop(other);
    until("nobody is left", || serving.status().connections == 0);
    serving.end().unwrap();
}

#[test]
fn of_an_answer_that_is_sent_from_where_it_is() {
    is_given_up_as_too_slow("/whole");
}

#[test]
fn of_an_answer_that_is_made_as_it_is_sent() {
    is_given_up_as_too_slow("/chunks");
}

#[test]
fn of_an_answer_that_its_handler_writes() {
    is_given_up_as_too_slow("/written");
}
