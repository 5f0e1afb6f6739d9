//! How long a head takes: corelay-http beside httparse, which finds the lines but leaves their meaning (Host, body
//! length, persistence) to its caller. `cargo bench -p corelay-http`; figures in `benches/README.md`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark of well-formed input")]

mod requests;

use corelay_http::{
    DateField, Limits, Parsed, Persistence, RequestHead, ResponseFraming, ResponseHead, Version,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderValue, StatusCode};
use requests::{BROWSER, SHORT, pipelined};
use std::hint::black_box;

fn parse_all(head: &mut RequestHead, mut input: &[u8], limits: &Limits) -> usize {
    let mut paths = 0;
    while !input.is_empty() {
        head.clear();
        let Parsed::Complete { head_len } = head.parse(input, limits).unwrap() else { return paths };
        paths += head.view(input).path().len();
        input = &input[head_len..];
    }
    paths
}

fn httparse_all(mut input: &[u8]) -> usize {
    let mut paths = 0;
    while !input.is_empty() {
        let mut fields = [const { std::mem::MaybeUninit::uninit() }; 100];
        let mut request = httparse::Request::new(&mut []);
        let status = request.parse_with_uninit_headers(input, &mut fields).unwrap();
        paths += request.path.unwrap().len();
        input = &input[status.unwrap()..];
    }
    paths
}

fn parsing(criterion: &mut Criterion) {
    let pipelined = pipelined();
    for (name, input) in [("short", SHORT), ("browser", BROWSER), ("pipelined x16", &pipelined)] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(input.len() as u64));
        let (mut head, limits) = (RequestHead::new(), Limits::default());
        group.bench_function("corelay-http", |bencher| {
            bencher.iter(|| parse_all(&mut head, black_box(input), &limits));
        });
        group.bench_function("httparse", |bencher| bencher.iter(|| httparse_all(black_box(input))));
        group.finish();
    }
}

fn encoding(criterion: &mut Criterion) {
    let (date, text) = (DateField::new(784_111_777), HeaderValue::from_static("text/plain"));
    let mut output = Vec::new();
    criterion.bench_function("encode text/plain", |bencher| {
        bencher.iter(|| {
            output.clear();
            let head = ResponseHead {
                version: black_box(Version::Http11),
                status: black_box(StatusCode::OK),
                date: Some(&date),
                content_type: Some(black_box(&text)),
                framing: black_box(ResponseFraming::Length(13)),
                persistence: black_box(Persistence::KeepAlive),
                head_request: false,
            };
            let encoded = head.encode([], &mut output);
            black_box(&output);
            encoded
        });
    });
}

criterion_group!(benches, parsing, encoding);
criterion_main!(benches);
