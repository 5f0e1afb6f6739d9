//! RFC 9112 section 7.1: chunk sizes, extensions, data, trailers, and their bounds.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod feed;

use corelay_http::{BodyDecoder, BodyErrorKind as Kind, Framing, Limits};
use feed::decode;

fn chunked(input: &str) -> Result<(Vec<u8>, usize, bool), Kind> {
    decode(Framing::Chunked, input.as_bytes(), &Limits::default())
}

/// `input` is a whole body, with another request after it that must not be touched.
fn body_of(input: &str) -> String {
    let (body, used, complete) = chunked(&format!("{input}GET / HTTP/1.1\r\n")).unwrap();
    assert!(complete, "{input:?}");
    assert_eq!(used, input.len(), "{input:?}");
    String::from_utf8(body).unwrap()
}

fn status_of(input: &str, limits: &Limits) -> u16 {
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    decoder.decode(input.as_bytes(), limits).unwrap_err().status().as_u16()
}

#[test]
fn chunks_are_joined() {
    assert_eq!(body_of("0\r\n\r\n"), "");
    assert_eq!(body_of("5\r\nHello\r\n0\r\n\r\n"), "Hello");
    assert_eq!(body_of("5\r\nHello\r\n8\r\n, World!\r\n0\r\n\r\n"), "Hello, World!");
    assert_eq!(
        body_of("c\r\n\r\n0\r\n\r\n\r\nabc\r\n00\r\n\r\n"),
        "\r\n0\r\n\r\n\r\nabc",
        "data is not looked at"
    );
    let (body, used, complete) = chunked("5\r\nHel").unwrap();
    assert_eq!((&body[..], used, complete), (&b"Hel"[..], 6, false));
}

#[test]
fn sizes_are_hexadecimal_in_either_case_with_leading_zeros() {
    let twelve = "123456789012";
    for size in ["c", "C", "0c", "000000000000000C"] {
        assert_eq!(body_of(&format!("{size}\r\n{twelve}\r\n0\r\n\r\n")), twelve, "{size}");
    }
}

#[test]
fn malformed_sizes_are_refused_with_400() {
    for size in ["", " 5", "x", "0x5", "+5", "-5", "5g", "5\0", "\u{e9}", ";a", "5.", "5,5", "_5"] {
        let input = format!("{size}\r\nHello\r\n0\r\n\r\n");
        let kind = chunked(&input).unwrap_err();
        assert_eq!(kind, Kind::ChunkSizeMalformed, "{size:?}");
        assert_eq!(status_of(&input, &Limits::default()), 400);
    }
    assert_eq!(chunked("00000000000000005\r\n"), Err(Kind::ChunkSizeTooLong), "17 digits");
    assert_eq!(chunked("10000000000000005\r\n"), Err(Kind::ChunkSizeTooLong), "would overflow 64 bits to 5");
    for size in ["8000000000000000", "ffffffffffffffff"] {
        assert_eq!(chunked(size), Err(Kind::ChunkSizeTooLong), "others may read {size} as a negative one");
    }
}

#[test]
fn the_greatest_size_does_not_overflow() {
    let (body, used, complete) = chunked("7fffffffffffffff\r\nabc").unwrap();
    assert_eq!((&body[..], used, complete), (&b"abc"[..], 21, false));
}

#[test]
fn lines_end_in_cr_lf() {
    for input in [
        "5\nHello",
        "5\rHello",
        "5\r\rHello",
        "5;a\nHello",
        "5;a\rb",
        "5;a=\"\n",
        "5\t\n",
        "0\r\n\n",
        "0\r\n\rx",
        "0\n\n",
        "0\r\na: b\n",
        "0\r\na: b\rc",
        "0\r\na\r\n",
    ] {
        assert_eq!(chunked(input), Err(Kind::LineEndMalformed), "{input:?}");
    }
}

#[test]
fn a_chunk_ends_where_its_size_says() {
    for input in ["5\r\nHello0\r\n", "5\r\nHello\n", "5\r\nHello\rx", "5\r\nHelloxx\r\n", "4\r\nHello\r\n"] {
        assert_eq!(chunked(input), Err(Kind::ChunkEndMalformed), "{input:?}");
    }
}

#[test]
fn extensions_are_skipped() {
    for extension in [
        ";a",
        ";a=b",
        ";a;b",
        ";a=b;c=\"d\";e",
        "; a = \"b;c\"",
        " ;a",
        "\t ; a\t=\tb",
        ";a ;b=c ;d",
        ";a=\"\"",
        ";a=\"b\" ;c",
        ";a=\"\\\"\\\\\\;\"",
        ";a=\"\u{e9}\\\u{e9}\"",
        ";!#$%&'*+-.^_`|~=~",
    ] {
        let input = format!("5{extension}\r\nHello\r\n0{extension}\r\n\r\n");
        assert_eq!(body_of(&input), "Hello", "{extension:?}");
    }
}

#[test]
fn malformed_extensions_are_refused_with_400() {
    for line in [
        "5 ",
        "5\t",
        "5 a",
        "5 5",
        "5 =a",
        "5;",
        "5; ",
        "5;;",
        "5;a;",
        "5;a ",
        "5;a b",
        "5;a=",
        "5;a= ",
        "5;a=b ",
        "5;a=b c",
        "5;a=b=c",
        "5;a=b\"c\"",
        "5;a=\"b\" ",
        "5;a=\"b\"c",
        "5;a=\"b\"\"c\"",
        "5;a=\"b",
        "5;a=\"b\\\"",
        "5;=b",
        "5;\"a\"",
        "5;a[b",
        "5;a=b,c",
        "5;\u{e9}",
        "5;a=\u{e9}",
        "5;a\0",
        "5;\x7f",
        "5;a=\"\x08\"",
        "5;a=\"\\\0\"",
        "5 \x0b;a",
    ] {
        let kind = chunked(&format!("{line}\r\nHello\r\n")).unwrap_err();
        assert_eq!(kind, Kind::ChunkExtensionMalformed, "{line:?}");
    }
}

#[test]
fn extensions_are_bounded_by_the_line_and_in_all() {
    let limits = Limits { chunk_line_bytes: 8, chunk_extension_bytes_total: 10, ..Limits::default() };
    let decode = |input: &str| decode(Framing::Chunked, input.as_bytes(), &limits);
    assert!(decode("1;23456\r\nx\r\n0\r\n\r\n").unwrap().2);
    assert!(decode("1;234567\r\nx\r\n0\r\n\r\n").unwrap().2);
    assert_eq!(decode("1;2345678\r\nx\r\n0\r\n\r\n"), Err(Kind::ChunkLineTooLong));
    assert_eq!(decode("000000001\r\nx\r\n"), Err(Kind::ChunkLineTooLong));
    assert!(decode("1;2345\r\nx\r\n1;2345\r\nx\r\n0\r\n\r\n").unwrap().2);
    assert_eq!(decode("1;2345\r\nx\r\n1;2345\r\nx\r\n0;\r\n\r\n"), Err(Kind::ChunkExtensionsTooLarge));
    assert_eq!(status_of("1;2345678", &limits), 400);
}

#[test]
fn trailers_are_checked_and_dropped() {
    assert_eq!(body_of("1\r\nx\r\n0\r\nA: b\r\nContent-Length: 7\r\nc:\r\n\r\n"), "x");
    for trailer in [": b", "a b: c", " a: b", "\ta: b", "a : b", "a: \0", "a: \x7f", "\u{e9}: a"] {
        let input = format!("0\r\n{trailer}\r\n\r\n");
        assert_eq!(chunked(&input), Err(Kind::TrailerMalformed), "{trailer:?}");
        assert_eq!(status_of(&input, &Limits::default()), 400);
    }
    assert_eq!(chunked("0\r\na: b\r\n c\r\n\r\n"), Err(Kind::TrailerMalformed), "folded");
}

#[test]
fn trailers_are_bounded_with_431() {
    let limits = Limits { trailers: 2, trailer_bytes: 12, ..Limits::default() };
    let decode = |input: &str| decode(Framing::Chunked, input.as_bytes(), &limits);
    assert!(decode("0\r\na: 1\r\nb: 2\r\n\r\n").unwrap().2);
    assert_eq!(decode("0\r\na:\r\nb:\r\nc:\r\n\r\n"), Err(Kind::TooManyTrailers));
    assert_eq!(decode("0\r\na: 12345678901\r\n\r\n"), Err(Kind::TrailersTooLarge));
    assert_eq!(status_of("0\r\na:\r\nb:\r\nc:\r\n\r\n", &limits), 431);
    assert_eq!(status_of("0\r\na: 12345678901\r\n\r\n", &limits), 431);
}

#[test]
fn what_is_left_of_a_chunk_is_known() {
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    assert_eq!(decoder.remaining_hint(), 0);
    let decoded = decoder.decode(b"a\r\n", &Limits::default()).unwrap();
    assert_eq!((decoded.consumed, decoder.remaining_hint()), (3, 10));
}
