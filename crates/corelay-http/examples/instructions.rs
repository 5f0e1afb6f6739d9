//! Counts instructions per head with callgrind, which a noisy machine cannot disturb.
//!
//! ```sh
//! cargo run --release -p corelay-http --example instructions
//! ```
//!
//! Without an argument it runs itself under `valgrind --tool=callgrind` once for each case, with counting switched on
//! only inside `measured`, and prints a table. Needs valgrind installed.

#![allow(clippy::unwrap_used, reason = "a measuring tool on well-formed input")]

#[path = "../benches/requests/mod.rs"]
mod requests;

use corelay_http::{
    DateField, Limits, Parsed, Persistence, RequestHead, ResponseFraming, ResponseHead, Version,
};
use http::{HeaderValue, StatusCode};
use std::hint::black_box;
use std::process::Command;

const ROUNDS: u64 = 1_000;
const CASES: [&str; 6] = [
    "parse-short",
    "httparse-short",
    "parse-browser",
    "httparse-browser",
    "parse-pipelined-16",
    "encode-text-plain",
];

fn main() {
    match std::env::args().nth(1) {
        Some(case) => run(&case),
        None => CASES.into_iter().for_each(count),
    }
}

fn count(case: &str) {
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=*instructions*measured*",
        ])
        .arg(std::env::current_exe().unwrap())
        .arg(case)
        .output()
        .expect("valgrind is installed");
    let report = String::from_utf8_lossy(&output.stderr);
    let collected =
        report.lines().find_map(|line| line.split_once("Collected : ")).expect("callgrind reports a count");
    let instructions: u64 = collected.1.trim().parse().unwrap();
    println!("{case:<20} {:>6} instructions", instructions / ROUNDS);
}

fn run(case: &str) {
    let (mut head, limits, pipelined) = (RequestHead::new(), Limits::default(), requests::pipelined());
    match case {
        "parse-short" => rounds(|| parse(&mut head, requests::SHORT, &limits)),
        "httparse-short" => rounds(|| httparse(requests::SHORT)),
        "httparse-browser" => rounds(|| httparse(requests::BROWSER)),
        "parse-browser" => rounds(|| parse(&mut head, requests::BROWSER, &limits)),
        "parse-pipelined-16" => rounds(|| parse(&mut head, &pipelined, &limits)),
        "encode-text-plain" => {
            let (date, text) = (DateField::new(784_111_777), HeaderValue::from_static("text/plain"));
            let mut output = Vec::new();
            rounds(|| encode(&date, &text, &mut output));
        }
        other => panic!("no case {other:?}; there are {CASES:?}"),
    }
}

/// One round to warm up, then the measured ones.
fn rounds(mut round: impl FnMut()) {
    round();
    measured(&mut round);
}

#[inline(never)]
fn measured(round: &mut impl FnMut()) {
    for _ in 0..ROUNDS {
        round();
    }
}

fn parse(head: &mut RequestHead, input: &[u8], limits: &Limits) {
    let mut input = black_box(input);
    while !input.is_empty() {
        head.clear();
        let Parsed::Complete { head_len } = head.parse(input, limits).unwrap() else { return };
        black_box(head.view(input).path());
        input = &input[head_len..];
    }
}

fn encode(date: &DateField, text: &HeaderValue, output: &mut Vec<u8>) {
    output.clear();
    let head = ResponseHead {
        version: black_box(Version::Http11),
        status: black_box(StatusCode::OK),
        date: Some(date),
        content_type: Some(text),
        framing: black_box(ResponseFraming::Length(13)),
        persistence: black_box(Persistence::KeepAlive),
        head_request: false,
    };
    let _ = black_box(head.encode([], output));
    black_box(output);
}

fn httparse(input: &[u8]) {
    let mut input = black_box(input);
    while !input.is_empty() {
        let mut fields = [const { std::mem::MaybeUninit::uninit() }; 100];
        let mut request = httparse::Request::new(&mut []);
        let status = request.parse_with_uninit_headers(input, &mut fields).unwrap();
        black_box(request.path.unwrap());
        input = &input[status.unwrap()..];
    }
}
