//! The budget of a unary call: no heap allocation beyond what its messages hold, in either codec. On a server in this process, whose
//! every thread is counted; there is no other test in this file, so nobody else allocates.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::alloc::System;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use buffa_types::google::protobuf::Int32Value;
use corelay::Server;
use corelay::config::{Config, Cores, Pin, Relay};
use corelay_rpc::{ServiceBuilder, Services};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CALLS: usize = 1_000;
/// Until a thread's buffers have their size.
const CALLS_BEFORE: usize = 100;

/// Messages of numbers alone: they hold nothing.
fn services() -> Services {
    let next = ServiceBuilder::new("example.Numbers", ())
        .unary("Next", true, |(): &(), _context, number: Int32Value| {
            Ok(Int32Value { value: number.value + 1, ..Int32Value::default() })
        })
        .finish();
    Services::new().add(next)
}

/// One core, and no monitor beside it.
fn server() -> Server {
    let mut config = Config::default();
    (config.cores, config.pin, config.relay) = (Cores::Count(1), Pin::Off, Relay::Off);
    config.drain.on_signals = false;
    Server::new(config).listen("127.0.0.1:0".parse().unwrap()).unwrap()
}

fn request(content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let fields = format!(
        "content-type: {content_type}\r\nconnect-protocol-version: 1\r\naccept-encoding: gzip\r\ncontent-length: {length}"
    );
    [format!("POST /example.Numbers/Next HTTP/1.1\r\nhost: test\r\n{fields}\r\n\r\n").as_bytes(), body]
        .concat()
}

/// Sends it so many times, each time when the answer before is whole.
fn call(stream: &mut TcpStream, request: &[u8], times: usize, answer_ends: &[u8]) {
    let mut answer = [0; 1024];
    for _ in 0..times {
        stream.write_all(request).unwrap();
        let mut length = 0;
        while !answer[..length].ends_with(answer_ends) {
            let read = stream.read(&mut answer[length..]).unwrap();
            assert!(read > 0, "{}", answer[..length].escape_ascii());
            length += read;
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", answer[..length].escape_ascii());
    }
}

#[test]
fn a_unary_call_allocates_nothing() {
    let server = server();
    let (address, handle) = (server.addresses()[0].to_string(), server.handle());
    let serving = thread::spawn(move || server.serve(services().router()).unwrap());
    let mut stream = TcpStream::connect(address).unwrap();
    let proto = (request("application/proto", &[8, 7]), &[8, 8][..]);
    let json = (request("application/json", b"7"), &b"8"[..]);
    for (request, answer) in [proto, json] {
        call(&mut stream, &request, CALLS_BEFORE, answer);
        let region = Region::new(ALLOCATOR);
        call(&mut stream, &request, CALLS, answer);
        let change = region.change();
        assert_eq!(change.allocations + change.reallocations, 0, "{}", request.escape_ascii());
    }
    drop(stream);
    handle.drain();
    serving.join().unwrap();
}
