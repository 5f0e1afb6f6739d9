//! Whatever a handler answers, the peer reads one head with one reading of its length.
//!
//! The first six bytes of the input are status, framing, flags and length; the rest is lines of `name:value`.

#![no_main]

use corelay_http::{DateField, Persistence, ResponseFraming, ResponseHead, Version};
use http::{HeaderName, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [low, high, framing, flags, length, date, lines @ ..] = input else { return };
    let Ok(status) = StatusCode::from_u16(u16::from_le_bytes([*low, *high]) % 1000) else { return };
    let date = DateField::new(u64::from(*date) << (date % 64));
    let head = ResponseHead {
        version: if flags & 1 == 0 { Version::Http11 } else { Version::Http10 },
        status,
        date: (flags & 2 == 0).then_some(&date),
        content_type: None,
        framing: match framing % 4 {
            0 => ResponseFraming::Length(u64::from(*length)),
            1 => ResponseFraming::Chunked,
            2 => ResponseFraming::UntilClose,
            _ => ResponseFraming::NoBody,
        },
        persistence: if flags & 4 == 0 { Persistence::KeepAlive } else { Persistence::Close },
        head_request: flags & 8 != 0,
    };
    check(&head, &fields(lines));
});

fn fields(lines: &[u8]) -> Vec<(HeaderName, HeaderValue)> {
    let lines = lines.split(|&octet| octet == b'\n').take(64);
    let pairs = lines.filter_map(|line| line.split_at_checked(line.iter().position(|&octet| octet == b':')?));
    pairs.filter_map(|(name, value)| Some((name.try_into().ok()?, value[1..].try_into().ok()?))).collect()
}

fn check(head: &ResponseHead<'_>, fields: &[(HeaderName, HeaderValue)]) {
    let mut output = Vec::new();
    let encoded = head.encode(fields.iter().map(|(name, value)| (name, value)), &mut output);
    let mut storage = [httparse::EMPTY_HEADER; 80];
    let mut response = httparse::Response::new(&mut storage);
    assert_eq!(response.parse(&output), Ok(httparse::Status::Complete(output.len())));
    assert_eq!(response.code, Some(head.status.as_u16()));
    let count =
        |name: &str| response.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).count();
    let lengths = count("content-length") + count("transfer-encoding");
    match encoded.framing {
        ResponseFraming::Length(_) | ResponseFraming::Chunked => assert_eq!(lengths, 1),
        ResponseFraming::UntilClose => assert_eq!((lengths, encoded.persistence), (0, Persistence::Close)),
        ResponseFraming::NoBody => assert!(lengths == 0 || lengths == 1 && head.head_request),
    }
    assert!(count("connection") <= 1);
}
