//! RFC 9112 section 5 and RFC 9110 section 5: field lines.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod feed;

use corelay_http::{Limits, Parsed, RequestErrorKind as Kind, RequestHead};
use feed::{accepted, refused, with_fields};

#[test]
fn names_are_kept_and_values_are_trimmed() {
    for (line, name, value) in [
        ("X-Plain: a", "X-Plain", "a"),
        ("x-none:", "x-none", ""),
        ("x-white: \t ", "x-white", ""),
        ("x-tight:a", "x-tight", "a"),
        ("x-wide: \t a \t b \t ", "x-wide", "a \t b"),
        ("x-colon: a:b", "x-colon", "a:b"),
        ("!#$%&'*+-.^_`|~09azAZ: x", "!#$%&'*+-.^_`|~09azAZ", "x"),
    ] {
        let request = accepted(with_fields(&[line]));
        assert_eq!(request.fields[1], (name.to_owned(), value.as_bytes().to_vec()), "{line:?}");
    }
}

#[test]
fn malformed_names_are_refused_with_400() {
    for line in [": a", "a b: c", "a(b: c", "a", "a\0: b", "\u{e9}: a", "a/b: c", "\"a\": b", "@: b"] {
        let (kind, status) = refused(with_fields(&[line]));
        assert_eq!(status, 400, "{line:?}");
        let kinds = [Kind::FieldNameMalformed, Kind::FieldNameSpace, Kind::LineEndMalformed];
        assert!(kinds.contains(&kind), "{line:?}: {kind:?}");
    }
}

#[test]
fn white_space_before_the_colon_is_refused_with_400() {
    assert_eq!(refused(with_fields(&["a : b"])), (Kind::FieldNameSpace, 400));
    assert_eq!(refused(with_fields(&["a\t: b"])), (Kind::FieldNameSpace, 400));
    assert_eq!(refused(with_fields(&["Content-Length : 1"])), (Kind::FieldNameSpace, 400));
}

#[test]
fn folded_lines_are_refused_with_400() {
    assert_eq!(refused(with_fields(&["a: b", " c"])), (Kind::FieldFolded, 400));
    assert_eq!(refused(with_fields(&["a: b", "\tc"])), (Kind::FieldFolded, 400));
    assert_eq!(
        refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        (Kind::FieldFolded, 400),
        "before the first field"
    );
}

#[test]
fn every_octet_of_a_value_is_judged() {
    for octet in 0..=255u8 {
        let mut input = b"GET / HTTP/1.1\r\nHost: a\r\nX: before".to_vec();
        input.push(octet);
        input.extend_from_slice(b"after\r\n\r\n");
        match octet {
            b'\r' | b'\n' => assert_eq!(refused(&input), (Kind::LineEndMalformed, 400)),
            b'\t' | 0x20..=0x7e | 0x80.. => {
                let value = [&b"before"[..], &[octet], b"after"].concat();
                assert_eq!(accepted(&input).fields[1].1, value);
            }
            _ => assert_eq!(refused(&input), (Kind::FieldValueMalformed, 400), "{octet:#x}"),
        }
    }
}

#[test]
fn the_section_ends_in_an_empty_line_of_cr_lf() {
    assert_eq!(refused("GET / HTTP/1.1\r\nHost: a\r\n\n"), (Kind::LineEndMalformed, 400));
    assert_eq!(refused("GET / HTTP/1.1\r\nHost: a\r\n\rX"), (Kind::LineEndMalformed, 400));
    assert_eq!(refused("GET / HTTP/1.1\r\nHost: a\n\r\n"), (Kind::LineEndMalformed, 400));
}

#[test]
fn fields_are_found_in_any_case_and_the_first_wins() {
    let input = with_fields(&["X-One: 1", "x-one: 2"]);
    let mut head = RequestHead::new();
    let parsed = head.parse(input.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(parsed, Parsed::Complete { head_len: input.len() });
    let view = head.view(input.as_bytes());
    assert_eq!(view.field("X-ONE"), Some(&b"1"[..]));
    assert_eq!(view.field("x-two"), None);
    assert_eq!(view.fields().len(), 3);
}

#[test]
fn what_follows_the_head_is_not_looked_at() {
    let request = accepted("GET / HTTP/1.0\r\n\r\n\0\0garbage");
    assert_eq!(request.head_len, 18);
}
