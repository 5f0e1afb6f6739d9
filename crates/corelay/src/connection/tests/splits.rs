//! However its input is split, a connection answers the same, to the byte.

use super::Rig;
use crate::connection::CloseReason;
use crate::http::{Json, Path, Router, endpoint};
use proptest::prelude::*;
use proptest::sample::Index;

fn router() -> Router {
    Router::new()
        .get("/", || "Hello, World!")
        .get("/square/{n}", |Path(n): Path<u64>| Json(n * n))
        .post("/echo", |body: Vec<u8>| body)
        .post("/echo/blocking", endpoint(|body: Vec<u8>| body).blocking())
        .post("/unread", || "not looked at")
}

/// What the peer has received when all of `input` is sent, cut at `cuts`. The connection must be idle again.
fn answers(input: &[u8], cuts: &[usize]) -> Vec<u8> {
    answers_by(|rig, bytes| rig.send(bytes), input, cuts)
}

fn answers_by(send: fn(&mut Rig, &[u8]) -> Option<CloseReason>, input: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut rig = Rig::new(router());
    let mut received = Vec::new();
    let ends = cuts.iter().copied().chain([input.len()]);
    ends.fold(0, |from, to| {
        assert_eq!(
            send(&mut rig, &input[from..to]),
            None,
            "open after {}",
            String::from_utf8_lossy(&input[..to])
        );
        received.append(&mut rig.received());
        to
    });
    assert!(rig.connection().is_idle(), "after {}", String::from_utf8_lossy(input));
    received
}

fn with_length(target: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn in_chunks(target: &str, body: &[u8], chunk_bytes: usize) -> Vec<u8> {
    let head = format!("POST {target} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut request = head.into_bytes();
    for chunk in body.chunks(chunk_bytes) {
        request.extend_from_slice(format!("{:x};extension=1\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\nTrailer: dropped\r\n\r\n");
    request
}

fn without_body(line: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: test\r\nAccept: */*\r\n\r\n").into_bytes()
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![Just("GET /"), Just("HEAD /"), Just("GET /square/12"), Just("GET /nowhere")];
    let target = prop_oneof![Just("/echo"), Just("/echo/blocking"), Just("/unread"), Just("/nowhere")];
    // Often of one length, so that one head follows another of the same bytes, with another body.
    let body = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        proptest::collection::vec(any::<u8>(), 7)
    ];
    prop_oneof![
        line.prop_map(without_body),
        (target.clone(), body.clone()).prop_map(|(target, body)| with_length(target, &body)),
        (target, body, 1..100_usize).prop_map(|(target, body, size)| in_chunks(target, &body, size)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_pipeline_split_anywhere_is_answered_the_same(
        requests in proptest::collection::vec(request(), 1..12),
        cuts in proptest::collection::vec(any::<Index>(), 0..20),
    ) {
        let input = requests.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len())).filter(|cut| *cut > 0).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let whole = answers(&input, &[]);
        prop_assert_eq!(String::from_utf8_lossy(&whole).matches("\r\nDate: ").count(), requests.len());
        prop_assert_eq!(&answers(&input, &cuts), &whole);
        prop_assert_eq!(answers_by(Rig::send_gathered, &input, &cuts), whole);
    }
}

fn one_of_each() -> Vec<u8> {
    [
        without_body("GET /"),
        with_length("/echo", b"a body"),
        in_chunks("/echo", b"a body in chunks", 5),
        with_length("/unread", b"left alone"),
        in_chunks("/unread", b"left alone", 7),
        without_body("HEAD /"),
        with_length("/echo/blocking", b"away"),
        in_chunks("/echo/blocking", b"away", 3),
        without_body("GET /square/12"),
    ]
    .concat()
}

#[test]
fn a_cut_at_every_byte_changes_nothing() {
    let input = one_of_each();
    let whole = answers(&input, &[]);
    for cut in 1..input.len() {
        assert_eq!(answers(&input, &[cut]), whole, "cut at {cut}");
    }
}

#[test]
fn byte_by_byte_changes_nothing() {
    let input = one_of_each();
    let everywhere: Vec<usize> = (1..input.len()).collect();
    assert_eq!(answers(&input, &everywhere), answers(&input, &[]));
    assert_eq!(answers_by(Rig::send_gathered, &input, &everywhere), answers(&input, &[]));
}
