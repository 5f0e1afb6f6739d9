//! What the client makes of answers that no server of the protocol should give, and of those of no such server.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use corelay_rpc::buffa_types::google::protobuf::{Duration, Timestamp};
use corelay_rpc::{Channel, Code, Error, Limits, envelope};

/// Answers one request with these bytes and closes.
fn serve_once(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&stream);
        // A client that has enough of it may be gone.
        let _ = stream.write_all(&answer);
    });
    url
}

/// To the end of a body that is framed either way.
fn read_request(stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        let is_chunked = line.starts_with("transfer-encoding");
        line.clear();
        if is_chunked {
            while !line.starts_with("0\r") {
                line.clear();
                reader.read_line(&mut line).unwrap();
            }
            line.clear();
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).unwrap();
}

fn answer(status: u16, fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} Whatever\r\n{fields}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn unary(answer: Vec<u8>) -> Result<Timestamp, Error> {
    let channel =
        Channel::new(&serve_once(answer))?.limits(Limits { message_bytes_max: 1000, ..Limits::default() });
    Ok(channel.unary::<Duration, Timestamp>("/a.B/C", false, &Duration::default())?.message)
}

/// The answers until the first error, and that.
fn stream(body: &[u8]) -> (usize, Option<Error>) {
    let fields = "content-type: application/connect+proto\r\nconnect-content-encoding: gzip\r\n";
    let channel = Channel::new(&serve_once(answer(200, fields, body))).unwrap();
    let mut incoming = channel.stream::<Duration, Timestamp>("/a.B/C", [Duration::default()]).unwrap();
    let mut count = 0;
    let error = incoming.by_ref().find_map(|message| message.map(|_| count += 1).err());
    assert!(incoming.next().is_none(), "nothing comes after the end");
    (count, error)
}

fn frame(flags: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    envelope::encode(flags, data, &mut frame);
    frame
}

/// As gzip has it, stored and not compressed (RFC 1952; RFC 1951, section 3.2.4).
fn gzipped(text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1];
    gzip.extend(length.to_le_bytes());
    gzip.extend((!length).to_le_bytes());
    gzip.extend(text);
    gzip.extend(crc32(text).to_le_bytes());
    gzip.extend(u32::from(length).to_le_bytes());
    gzip
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn a_status_without_an_error_in_its_body_has_a_code() {
    for (status, code) in [
        (400, Code::Internal),
        (401, Code::Unauthenticated),
        (403, Code::PermissionDenied),
        (404, Code::Unimplemented),
        (408, Code::Unknown),
        (418, Code::Unknown),
        (429, Code::Unavailable),
        (500, Code::Unknown),
        (502, Code::Unavailable),
        (503, Code::Unavailable),
        (504, Code::Unavailable),
    ] {
        for fields in ["content-type: text/html\r\n", "content-type: application/json\r\n", ""] {
            assert_eq!(unary(answer(status, fields, b"<p>no")).unwrap_err().code(), code, "{status}");
        }
    }
    let json = "content-type: application/json\r\n";
    let named = unary(answer(500, json, br#"{"code":"aborted","message":"x"}"#)).unwrap_err();
    assert_eq!((named.code(), named.message()), (Code::Aborted, "x"));
    let unnamed = unary(answer(404, json, br#"{"code":"nonsense"}"#)).unwrap_err();
    assert_eq!(unnamed.code(), Code::Unimplemented);
}

#[test]
fn an_error_may_be_compressed() {
    let fields = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    let body = gzipped(br#"{"code":"out_of_range","message":"oops"}"#);
    let error = unary(answer(400, fields, &body)).unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::OutOfRange, "oops"));
}

#[test]
fn a_message_that_is_none_is_the_servers_fault() {
    for (fields, body, code) in [
        ("content-type: application/json\r\n", &b"{}"[..], Code::Internal),
        ("content-type: text/html\r\n", b"<p>hello", Code::Unknown),
        ("", b"", Code::Unknown),
        ("content-type: application/proto\r\n", &[0xff; 7], Code::Internal),
        ("content-type: application/proto\r\ncontent-encoding: lzw\r\n", b"x", Code::Internal),
        ("content-type: application/proto\r\ncontent-encoding: gzip\r\n", b"x", Code::Internal),
        ("content-type: application/proto\r\n", &[0; 1001], Code::ResourceExhausted),
    ] {
        assert_eq!(unary(answer(200, fields, body)).unwrap_err().code(), code, "{fields} {body:?}");
    }
    assert_eq!(unary(answer(200, "content-type: application/proto\r\n", b"")).unwrap(), Timestamp::default());
    assert_eq!(unary(b"HTTP/1.1 200".to_vec()).unwrap_err().code(), Code::Unavailable);
    assert_eq!(unary(b"220 mail.example ESMTP\r\n\r\n".to_vec()).unwrap_err().code(), Code::Internal);
    let cut = b"HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\ncontent-length: 9\r\n\r\n12".to_vec();
    assert_eq!(unary(cut).unwrap_err().code(), Code::Unavailable);
}

#[test]
fn a_stream_ends_with_its_end_message_and_with_nothing_else() {
    let end = frame(2, b"{}");
    assert!(matches!(stream(&end), (0, None)));
    assert!(matches!(stream(&[frame(0, b""), frame(0, b""), end.clone()].concat()), (2, None)));
    for (count, body, code) in [
        (0, vec![], Code::Internal),
        (1, frame(0, b""), Code::Internal),
        (1, [frame(0, b""), vec![0, 0, 0, 0, 9]].concat(), Code::Internal),
        (1, [frame(0, b""), frame(0, &[0xff; 3]), end.clone()].concat(), Code::Internal),
        (0, [frame(1, b"no gzip"), end.clone()].concat(), Code::Internal),
        (0, frame(2, b"no JSON"), Code::Internal),
        (0, [end.clone(), frame(0, b"")].concat(), Code::Internal),
        (0, frame(2, br#"{"error":{"code":"aborted"}}"#), Code::Aborted),
        (0, frame(2, br#"{"error":{}}"#), Code::Unknown),
        (0, frame(3, &gzipped(br#"{"error":{"code":"aborted"}}"#)), Code::Aborted),
        (0, vec![0, 255, 255, 255, 255], Code::ResourceExhausted),
    ] {
        let (found, error) = stream(&body);
        assert_eq!((found, error.map(|error| error.code())), (count, Some(code)), "{body:?}");
    }
}

#[test]
fn a_method_with_one_answer_takes_one() {
    let fields = "content-type: application/connect+proto\r\n";
    for (body, expected) in [
        (frame(2, b"{}"), Some(Code::Unimplemented)),
        ([frame(0, b""), frame(0, b""), frame(2, b"{}")].concat(), Some(Code::Unimplemented)),
        ([frame(0, b""), frame(2, br#"{"error":{"code":"aborted"}}"#)].concat(), Some(Code::Aborted)),
        ([frame(0, b""), frame(2, b"{}")].concat(), None),
    ] {
        let channel = Channel::new(&serve_once(answer(200, fields, &body))).unwrap();
        let reply = channel.client_stream::<Duration, Timestamp>("/a.B/C", [Duration::default()]);
        assert_eq!(reply.err().map(|error| error.code()), expected, "{body:?}");
    }
}
