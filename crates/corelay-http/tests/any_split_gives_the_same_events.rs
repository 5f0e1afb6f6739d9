//! The events of a stream of requests depend on its bytes alone: heads, bodies and ends, pipelined and split anywhere.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "feed/events.rs"]
mod feed;

use corelay_http::Limits;
use feed::{Event, events};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const REQUESTS: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nGET /b?c HTTP/1.0\r\n\r\n",
    "POST /d HTTP/1.1\r\nHost: a:1\r\nContent-Length: 5\r\n\r\nHello",
    "POST http://e/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n",
    "CONNECT a:1 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
    "PUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n",
    "GET /g HTTP/1.1\r\nHost: a\r\nX: \u{e9}\t1\r\ny:\r\n\r\n",
];

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let valid = vec(select(REQUESTS), 0..5).prop_map(|requests| requests.concat().into_bytes());
    let mutated = (valid.clone(), vec((any::<prop::sample::Index>(), any::<u8>()), 0..3)).prop_map(
        |(mut bytes, changes)| {
            for (at, octet) in changes {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = octet;
                }
            }
            bytes
        },
    );
    prop_oneof![2 => valid, 4 => mutated, 1 => vec(any::<u8>(), 0..100)]
}

fn small_limits() -> impl Strategy<Value = Limits> {
    (10..200usize, 1..40usize, 0..4usize, 0..12usize).prop_map(|(head_bytes, target_bytes, fields, small)| {
        Limits {
            head_bytes,
            target_bytes,
            fields,
            chunk_line_bytes: small,
            chunk_extension_bytes_total: small,
            trailer_bytes: small,
            trailers: small / 4,
            ..Limits::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn under_default_limits(bytes in stream(), cuts in vec(any::<prop::sample::Index>(), 0..6)) {
        same_however_split(&bytes, &cuts, &Limits::default())?;
    }

    #[test]
    fn under_small_limits(bytes in stream(), cuts in vec(any::<prop::sample::Index>(), 0..6), limits in small_limits()) {
        same_however_split(&bytes, &cuts, &limits)?;
    }
}

fn same_however_split(
    bytes: &[u8],
    cuts: &[prop::sample::Index],
    limits: &Limits,
) -> Result<(), TestCaseError> {
    let whole = events([bytes], limits);
    prop_assert_eq!(&events(bytes.chunks(1), limits), &whole, "byte by byte");
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.insert(0, 0);
    cuts.push(bytes.len());
    let segments = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
    prop_assert_eq!(&events(segments, limits), &whole, "cut at {:?}", cuts);
    Ok(())
}

#[test]
fn a_pipeline_gives_its_requests_in_order() {
    let seen = events([REQUESTS[..4].concat().as_bytes()], &Limits::default());
    let shape: Vec<_> = seen
        .iter()
        .map(|event| match event {
            Event::Head(_) => "head".to_owned(),
            Event::Body(body) => String::from_utf8(body.clone()).unwrap(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(shape, ["head", "End", "head", "End", "head", "Hello", "End", "head", "abc0123456789", "End"]);
}
