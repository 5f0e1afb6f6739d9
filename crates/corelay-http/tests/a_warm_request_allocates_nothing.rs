//! The budget of the hot path: no heap allocation to parse a head, decode its body and encode an answer.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use corelay_http::{
    BodyDecoder, DateField, Limits, Parsed, Persistence, RequestHead, ResponseFraming, ResponseHead,
    encode_chunk,
};
use http::{HeaderValue, StatusCode};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const REQUESTS: &[u8] = b"GET /plaintext HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: */*\r\n\r\n\
    POST /echo?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nHello\
    POST http://a.example/b HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nHello\r\n0\r\nA: b\r\n\r\n";

fn serve(head: &mut RequestHead, output: &mut Vec<u8>, text: &HeaderValue) -> usize {
    let (limits, mut input, mut served) = (Limits::default(), REQUESTS, 0);
    while !input.is_empty() {
        head.clear();
        let Parsed::Complete { head_len } = head.parse(input, &limits).unwrap() else {
            panic!("input ends early")
        };
        let view = head.view(input);
        let mut body = BodyDecoder::new(view.framing());
        input = &input[head_len..];
        while !body.is_complete() {
            let decoded = body.decode(input, &limits).unwrap();
            input = &input[decoded.consumed..];
        }
        let date = DateField::new(784_111_777);
        let response = ResponseHead {
            version: view.version(),
            status: StatusCode::OK,
            date: Some(&date),
            content_type: Some(text),
            framing: ResponseFraming::Chunked,
            persistence: Persistence::of(&view),
            head_request: false,
        };
        assert_eq!(response.encode([], output).persistence, Persistence::KeepAlive);
        encode_chunk(view.path().as_bytes(), output);
        served += 1;
    }
    served
}

#[test]
fn the_second_round_allocates_nothing() {
    let (mut head, mut output) = (RequestHead::new(), Vec::new());
    let text = HeaderValue::from_static("text/plain");
    let cold = Region::new(ALLOCATOR);
    assert_eq!(serve(&mut head, &mut output, &text), 3);
    assert!(cold.change().allocations > 0, "the counter counts");
    output.clear();
    let warm = Region::new(ALLOCATOR);
    assert_eq!(serve(&mut head, &mut output, &text), 3);
    let change = warm.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0));
}
