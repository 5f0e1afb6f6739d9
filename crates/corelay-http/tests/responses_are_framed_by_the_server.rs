//! RFC 9112 sections 4 and 6, RFC 9110 section 8.6: what a response head says about its body and its connection.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use corelay_http::{DateField, Encoded, Persistence, ResponseFraming, ResponseHead, Version};
use http::header::{self, HeaderName};
use http::{HeaderValue, StatusCode};

const BASE: ResponseHead<'_> = ResponseHead {
    version: Version::Http11,
    status: StatusCode::OK,
    date: None,
    content_type: None,
    framing: ResponseFraming::Length(3),
    persistence: Persistence::KeepAlive,
    head_request: false,
};

fn encode(head: &ResponseHead<'_>, fields: &[(HeaderName, HeaderValue)]) -> (String, Encoded) {
    let mut output = b"before".to_vec();
    let encoded = head.encode(fields.iter().map(|(name, value)| (name, value)), &mut output);
    let text = String::from_utf8(output).unwrap();
    (text.strip_prefix("before").expect("encoding appends").to_owned(), encoded)
}

fn promised(framing: ResponseFraming, persistence: Persistence) -> Encoded {
    Encoded { framing, persistence }
}

#[test]
fn a_plain_answer_is_a_status_line_and_its_fields() {
    let (date, text) = (DateField::new(784_111_777), HeaderValue::from_static("text/plain"));
    let head = ResponseHead { date: Some(&date), content_type: Some(&text), ..BASE };
    let server = (header::SERVER, HeaderValue::from_static("x"));
    let (output, encoded) = encode(&head, &[server]);
    assert_eq!(
        output,
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n\
         Content-Length: 3\r\nserver: x\r\n\r\n"
    );
    assert_eq!(encoded, promised(ResponseFraming::Length(3), Persistence::KeepAlive));
}

#[test]
fn every_status_has_its_line() {
    for (status, line) in
        [(404, "404 Not Found"), (431, "431 Request Header Fields Too Large"), (599, "599 "), (999, "999 ")]
    {
        let head = ResponseHead { status: StatusCode::from_u16(status).unwrap(), ..BASE };
        let (output, _) = encode(&head, &[]);
        assert_eq!(output, format!("HTTP/1.1 {line}\r\nContent-Length: 3\r\n\r\n"));
    }
}

#[test]
fn a_length_is_written_in_decimal() {
    let powers = (0..20).map(|exponent| 10u64.pow(exponent));
    for length in powers.flat_map(|power| [power - 1, power, power + 1]).chain([13, 65_536, u64::MAX]) {
        let head = ResponseHead { framing: ResponseFraming::Length(length), ..BASE };
        let (output, _) = encode(&head, &[]);
        assert_eq!(output, format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"));
    }
}

#[test]
fn statuses_without_a_body_say_nothing_about_one() {
    for status in [100, 101, 103, 204, 304] {
        for framing in [
            ResponseFraming::Length(0),
            ResponseFraming::Length(9),
            ResponseFraming::Chunked,
            ResponseFraming::UntilClose,
        ] {
            let head = ResponseHead { status: StatusCode::from_u16(status).unwrap(), framing, ..BASE };
            let (output, encoded) = encode(&head, &[]);
            assert!(!output.contains("Content-Length") && !output.contains("Transfer-Encoding"), "{output}");
            assert_eq!(
                encoded,
                promised(ResponseFraming::NoBody, Persistence::KeepAlive),
                "{status} {framing:?}"
            );
        }
    }
}

#[test]
fn a_head_request_gets_the_fields_but_no_body() {
    for (framing, field) in [
        (ResponseFraming::Length(3), "Content-Length: 3\r\n"),
        (ResponseFraming::Chunked, "Transfer-Encoding: chunked\r\n"),
        (ResponseFraming::UntilClose, ""),
    ] {
        let (output, encoded) = encode(&ResponseHead { head_request: true, framing, ..BASE }, &[]);
        assert_eq!(output, format!("HTTP/1.1 200 OK\r\n{field}\r\n"));
        assert_eq!(encoded, promised(ResponseFraming::NoBody, Persistence::KeepAlive));
    }
}

#[test]
fn a_stream_is_chunked_in_1_1_and_ends_with_the_connection_in_1_0() {
    let (output, encoded) = encode(&ResponseHead { framing: ResponseFraming::Chunked, ..BASE }, &[]);
    assert_eq!(output, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(encoded, promised(ResponseFraming::Chunked, Persistence::KeepAlive));
    let old = ResponseHead { framing: ResponseFraming::Chunked, version: Version::Http10, ..BASE };
    let (output, encoded) = encode(&old, &[]);
    assert_eq!(output, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    assert_eq!(encoded, promised(ResponseFraming::UntilClose, Persistence::Close));
}

#[test]
fn connection_is_said_where_it_is_not_the_default() {
    for (version, persistence, field) in [
        (Version::Http11, Persistence::KeepAlive, ""),
        (Version::Http11, Persistence::Close, "Connection: close\r\n"),
        (Version::Http10, Persistence::KeepAlive, "Connection: keep-alive\r\n"),
        (Version::Http10, Persistence::Close, "Connection: close\r\n"),
    ] {
        let (output, encoded) = encode(&ResponseHead { version, persistence, ..BASE }, &[]);
        assert_eq!(output, format!("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n{field}\r\n"));
        assert_eq!(encoded.persistence, persistence);
    }
}

#[test]
fn a_handler_cannot_write_the_framing_fields() {
    let date = DateField::new(0);
    let fields = [
        (header::CONTENT_LENGTH, HeaderValue::from_static("99")),
        (header::TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
        (header::CONNECTION, HeaderValue::from_static("keep-alive")),
        (header::DATE, HeaderValue::from_static("today")),
    ];
    let (output, _) = encode(&ResponseHead { date: Some(&date), ..BASE }, &fields);
    assert_eq!(output, "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 3\r\n\r\n");
}

#[test]
fn a_handler_may_close_and_may_date_where_there_is_no_clock() {
    let fields = [
        (header::CONNECTION, HeaderValue::from_static("x, Close")),
        (header::DATE, HeaderValue::from_static("today")),
        (header::CONTENT_TYPE, HeaderValue::from_static("a/b")),
    ];
    let (output, encoded) = encode(&BASE, &fields);
    let expected = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\ndate: today\r\ncontent-type: a/b\r\nConnection: close\r\n\r\n";
    assert_eq!(output, expected);
    assert_eq!(encoded.persistence, Persistence::Close);
}

#[test]
fn one_content_type_is_enough() {
    let text = HeaderValue::from_static("text/plain");
    let fields = [(header::CONTENT_TYPE, HeaderValue::from_static("a/b"))];
    let (output, _) = encode(&ResponseHead { content_type: Some(&text), ..BASE }, &fields);
    assert_eq!(output, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\n");
}

#[test]
fn a_switch_of_protocols_says_connection_upgrade() {
    let head = ResponseHead { status: StatusCode::SWITCHING_PROTOCOLS, ..BASE };
    let (output, _) = encode(&head, &[(header::UPGRADE, HeaderValue::from_static("websocket"))]);
    assert_eq!(
        output,
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nConnection: upgrade\r\n\r\n"
    );
}

#[test]
fn an_upgrade_on_offer_is_for_this_connection_only() {
    let upgrade = [(header::UPGRADE, HeaderValue::from_static("h2c"))];
    for (version, persistence, options) in [
        (Version::Http11, Persistence::KeepAlive, "upgrade"),
        (Version::Http11, Persistence::Close, "upgrade, close"),
        (Version::Http10, Persistence::KeepAlive, "upgrade, keep-alive"),
    ] {
        let head = ResponseHead { status: StatusCode::UPGRADE_REQUIRED, version, persistence, ..BASE };
        let (output, _) = encode(&head, &upgrade);
        assert!(output.ends_with(&format!("upgrade: h2c\r\nConnection: {options}\r\n\r\n")), "{output}");
    }
}

#[test]
fn no_value_can_hold_a_line_end() {
    for octet in 0..=255u8 {
        let injection = [&b"a"[..], &[octet], b"Set-Cookie: x=y"].concat();
        if let Ok(value) = HeaderValue::from_bytes(&injection) {
            let mut output = Vec::new();
            let encoded = BASE.encode([(&header::LOCATION, &value)], &mut output);
            assert_eq!(encoded.persistence, Persistence::KeepAlive);
            let line_ends = output.iter().filter(|octet| matches!(octet, b'\r' | b'\n' | 0)).count();
            assert_eq!(line_ends, 8, "status line, length, location, empty line: {octet:#x}");
        } else {
            assert!(octet < 0x20 || octet == 0x7f, "{octet:#x} is harmless");
        }
    }
}

#[test]
fn chunk_sizes_are_hexadecimal_without_leading_zeros() {
    for len in [1, 9, 10, 15, 16, 255, 256, 4095, 4096, 65_536, u64::from(u32::MAX), u64::MAX] {
        let mut output = Vec::new();
        corelay_http::encode_chunk_head(len, &mut output);
        assert_eq!(output, format!("{len:x}\r\n").into_bytes());
    }
}
