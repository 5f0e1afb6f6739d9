//! Messages nested in themselves, up to a million times, over real sockets on every engine: a status, and never the end of
//! the process. Threads of connections have a quarter of a mebibyte of stack.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use corelay_rpc::buffa_types::google::protobuf::{Any, ListValue, Struct, Value};
use corelay_rpc::{Requests, Responses, Service, ServiceBuilder, envelope};
use serving::on_every_engine;

mod serving;

const JSON: &str = "application/json";
const PROTO: &str = "application/proto";
const STREAM_JSON: &str = "application/connect+json";
const STREAM_PROTO: &str = "application/connect+proto";

/// Gives back what it gets.
fn mirror() -> Service {
    corelay_rpc::registry::add(&[]);
    ServiceBuilder::new("test.Mirror", ())
        .unary("Value", false, |(): &(), _, value: Value| Ok(value))
        .unary("Struct", false, |(): &(), _, value: Struct| Ok(value))
        .unary("List", false, |(): &(), _, value: ListValue| Ok(value))
        .unary("Any", false, |(): &(), _, value: Any| Ok(value))
        .bidi_stream("Stream", |(): &(), _, values: Requests<Value>| {
            let values: Vec<_> = values.collect();
            Ok(Box::new(values.into_iter()) as Responses<Value>)
        })
        .finish()
}

/// The status and the body of the answer.
fn post(address: SocketAddr, method: &str, content_type: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("POST /test.Mirror/{method} HTTP/1.0\r\nContent-Type: {content_type}\r\n");
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes()).unwrap();
    // What is refused by its size is refused while it is still being sent.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    (status, answer.split_off(end + 4))
}

/// The code of a refusal; that of a stream is in its end message.
fn code(answer: &(u16, Vec<u8>)) -> String {
    let text = String::from_utf8_lossy(&answer.1);
    let (_, rest) = text.split_once("\"code\":\"").unwrap_or_else(|| panic!("{} {text:.200}", answer.0));
    rest.split('"').next().unwrap().to_owned()
}

fn frame(data: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    envelope::encode(0, data, &mut frame);
    frame
}

/// `levels` messages in each other, each the field of this tag in the one around it.
fn nested(levels: usize, tags: &[&[u8]]) -> Vec<u8> {
    let mut lengths = vec![0];
    for level in 0..levels {
        let inner = lengths[level];
        lengths.push(tags[level % tags.len()].len() + varint(inner).len() + inner);
    }
    let mut bytes = Vec::new();
    for level in (0..levels).rev() {
        bytes.extend(tags[level % tags.len()]);
        bytes.extend(varint(lengths[level]));
    }
    bytes
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A `Value` that is a list with one item, and so on: field 6 of `Value`, field 1 of `ListValue`.
fn lists(levels: usize) -> Vec<u8> {
    nested(2 * levels, &[&[0x0a], &[0x32]])
}

/// Unknown groups, number 100, in each other.
fn groups(levels: usize) -> Vec<u8> {
    [[0xa3, 0x06].repeat(levels), [0xa4, 0x06].repeat(levels)].concat()
}

fn brackets(levels: usize) -> Vec<u8> {
    [b"[".repeat(levels), b"]".repeat(levels)].concat()
}

fn objects(levels: usize) -> Vec<u8> {
    [b"{\"a\":".repeat(levels), b"1".to_vec(), b"}".repeat(levels)].concat()
}

/// `Any` in `Any`.
fn anys(levels: usize) -> Vec<u8> {
    let open = br#"{"@type":"t/google.protobuf.Any","value":"#;
    [open.repeat(levels), b"{}".to_vec(), b"}".repeat(levels)].concat()
}

#[test]
fn what_is_nested_too_deep_is_refused() {
    on_every_engine(mirror, |address| {
        for (method, content_type, body) in [
            ("Value", JSON, brackets(1_000_000)),
            ("Value", JSON, b"[".repeat(4 << 20)),
            ("Value", JSON, objects(100_000)),
            ("Value", JSON, brackets(102)),
            ("Struct", JSON, objects(500_000)),
            ("List", JSON, brackets(100_000)),
            ("Any", JSON, anys(50_000)),
            ("Value", PROTO, lists(300_000)),
            ("Value", PROTO, lists(51)),
            ("Value", PROTO, groups(1_000_000)),
            ("Any", PROTO, groups(101)),
            ("Any", PROTO, [0xa3, 0x06].repeat(2_000_000)),
            ("Stream", STREAM_JSON, frame(&brackets(1_000_000))),
            ("Stream", STREAM_PROTO, frame(&lists(300_000))),
            ("Stream", STREAM_PROTO, [frame(b""), frame(&groups(1_000_000))].concat()),
        ] {
            let answer = post(address, method, content_type, &body);
            assert_eq!(code(&answer), "invalid_argument", "{method} {content_type} {}", body.len());
            assert_eq!(answer.0, if method == "Stream" { 200 } else { 400 });
        }
    });
}

#[test]
fn what_is_nested_as_deep_as_is_allowed_is_read_and_written() {
    on_every_engine(mirror, |address| {
        for (method, content_type, body) in [
            ("Value", JSON, brackets(101)),
            ("Value", JSON, brackets(9)),
            ("Value", JSON, br#"["[[[[[[[[[[[[[[[[[[[["]"#.to_vec()),
            ("Struct", PROTO, groups(100)),
            ("List", JSON, brackets(101)),
            ("Value", PROTO, lists(50)),
            ("Stream", STREAM_JSON, frame(&brackets(101))),
            ("Stream", STREAM_PROTO, frame(&lists(50))),
            ("Any", JSON, anys(100)),
        ] {
            let (status, answer) = post(address, method, content_type, &body);
            assert_eq!(status, 200, "{method} {content_type} {}", String::from_utf8_lossy(&answer));
            let same = answer.windows(body.len()).any(|part| part == body);
            assert!(same || method == "Any", "{method} {content_type}: {}", String::from_utf8_lossy(&answer));
        }
    });
}

/// Small on the wire and large in memory.
#[test]
fn what_would_grow_too_large_in_memory_is_refused() {
    on_every_engine(mirror, |address| {
        for (method, content_type, body) in [
            ("List", PROTO, [0x0a, 0x00].repeat(2_000_000)),
            ("Struct", PROTO, [0x0a, 0x00].repeat(2_000_000)),
            ("List", JSON, [b"[".to_vec(), b"[],".repeat(1_000_000), b"1]".to_vec()].concat()),
            ("Value", JSON, [b"[".to_vec(), b"1,".repeat(2_000_000), b"1]".to_vec()].concat()),
            ("Value", PROTO, [0xa0, 0x06, 0x01].repeat(1_300_000)),
            ("Stream", STREAM_PROTO, frame(&[0xa0, 0x06, 0x01].repeat(1_300_000))),
        ] {
            let answer = post(address, method, content_type, &body);
            assert_eq!(code(&answer), "resource_exhausted", "{method} {content_type} {}", body.len());
        }
    });
}

/// A length that its message does not have, up to 2⁶⁴ − 1.
#[test]
fn a_length_that_is_a_lie_is_refused() {
    on_every_engine(mirror, |address| {
        for length in [varint(5), varint(1 << 31), varint(usize::MAX)] {
            for field in [&[0x0a][..], &[0x32], &[0x1a], &[0xa2, 0x06]] {
                let body = [field, &length, b"1234"].concat();
                for method in ["Value", "Struct", "List", "Any"] {
                    let answer = post(address, method, PROTO, &body);
                    assert_eq!((answer.0, &*code(&answer)), (400, "invalid_argument"), "{method} {body:?}");
                }
            }
        }
    });
}
