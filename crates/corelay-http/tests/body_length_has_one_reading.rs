//! RFC 9112 section 6: no head may leave two servers with two ideas of where its body ends (request smuggling).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod feed;

use corelay_http::{Framing, RequestErrorKind as Kind};
use feed::{accepted, refused, with_fields};

#[test]
fn no_field_about_it_means_no_body() {
    assert_eq!(accepted(with_fields(&[])).framing, Framing::None);
    assert_eq!(accepted(with_fields(&["Content-Type: text/plain"])).framing, Framing::None);
}

#[test]
fn content_length_is_one_decimal_number() {
    for (value, length) in [
        ("0", 0),
        ("5", 5),
        ("  5\t", 5),
        ("18446744073709551615", u64::MAX),
        ("05", 5),
        ("0000000000000000000000005", 5),
    ] {
        let request = accepted(with_fields(&[&format!("content-LENGTH:{value}")]));
        assert_eq!(request.framing, Framing::Length(length), "{value:?}");
    }
}

#[test]
fn any_other_content_length_is_refused_with_400() {
    for value in [
        "",
        "+5",
        "-5",
        "5, 5",
        "5,5",
        "5,",
        ",5",
        "0x5",
        "5a",
        "5 5",
        "5;",
        "5.0",
        "1e3",
        "\"5\"",
        "\u{b2}",
        "18446744073709551616",
        "99999999999999999999999999",
    ] {
        let input = with_fields(&[&format!("Content-Length: {value}")]);
        assert_eq!(refused(input), (Kind::ContentLengthMalformed, 400), "{value:?}");
    }
}

#[test]
fn two_content_lengths_are_refused_with_400_even_if_equal() {
    for second in ["5", "6"] {
        let input = with_fields(&["Content-Length: 5", &format!("Content-length: {second}")]);
        assert_eq!(refused(input), (Kind::ContentLengthRepeated, 400));
    }
}

#[test]
fn transfer_encoding_is_chunked_alone() {
    for value in ["chunked", "Chunked", "CHUNKED", "  chunked\t"] {
        let request = accepted(with_fields(&[&format!("Transfer-Encoding:{value}")]));
        assert_eq!(request.framing, Framing::Chunked, "{value:?}");
    }
}

#[test]
fn an_unknown_coding_before_chunked_is_refused_with_501() {
    for value in ["gzip, chunked", "gzip,chunked", "gzip;q=1, chunked", "a, b, Chunked", "identity, chunked"]
    {
        let input = with_fields(&[&format!("Transfer-Encoding: {value}")]);
        assert_eq!(refused(input), (Kind::TransferEncodingUnknown, 501), "{value:?}");
    }
}

#[test]
fn any_other_transfer_encoding_is_refused_with_400() {
    for value in [
        "",
        ",",
        "gzip",
        "identity",
        "chunked, gzip",
        "chunked, chunked",
        "chunked,chunked",
        "gzip, chunked, chunked",
        "chunked, gzip, chunked",
        "chunked;q=1",
        "chunked;",
        "chunked; a=b, chunked",
        ", chunked",
        "chunked,",
        "gzip,, chunked",
        "xchunked",
        "chunked x",
        "x chunked",
        "\"chunked\"",
        "chun\tked",
        "chunke\u{f0}",
        "g zip, chunked",
    ] {
        let input = with_fields(&[&format!("Transfer-Encoding: {value}")]);
        assert_eq!(refused(input), (Kind::TransferEncodingMalformed, 400), "{value:?}");
    }
    for hidden in ["\x0bchunked", "chunked\x0c", "chun\0ked", "\x7fchunked"] {
        let input = with_fields(&[&format!("Transfer-Encoding: {hidden}")]);
        assert_eq!(refused(input), (Kind::FieldValueMalformed, 400), "{hidden:?}");
    }
}

#[test]
fn two_transfer_encodings_are_refused_with_400() {
    let twice = with_fields(&["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]);
    assert_eq!(refused(twice), (Kind::TransferEncodingMalformed, 400));
    let split = with_fields(&["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"]);
    assert_eq!(refused(split), (Kind::TransferEncodingMalformed, 400));
}

#[test]
fn both_are_refused_with_400_in_either_order() {
    let (length, coding) = ("Content-Length: 5", "Transfer-Encoding: chunked");
    assert_eq!(refused(with_fields(&[length, coding])), (Kind::LengthBesideTransferEncoding, 400));
    assert_eq!(refused(with_fields(&[coding, length])), (Kind::LengthBesideTransferEncoding, 400));
    assert_eq!(
        refused(with_fields(&["Content-Length: 0", "Transfer-Encoding: identity"])),
        (Kind::LengthBesideTransferEncoding, 400)
    );
}

#[test]
fn transfer_encoding_in_http_1_0_is_refused_with_400() {
    for value in ["chunked", "gzip", "identity"] {
        let input = format!("POST / HTTP/1.0\r\nTransfer-Encoding: {value}\r\n\r\n");
        assert_eq!(refused(input), (Kind::TransferEncodingInHttp10, 400), "{value}");
    }
}

#[test]
fn names_that_only_look_like_theirs_mean_nothing() {
    let request = accepted(with_fields(&[
        "Content_Length: x",
        "Transfer_Encoding: chunked",
        "Content-Lengt: 1",
        "XContent-Length: 2",
    ]));
    assert_eq!(request.framing, Framing::None);
}

#[test]
fn http_1_0_may_have_a_content_length() {
    assert_eq!(accepted("POST / HTTP/1.0\r\nContent-Length: 7\r\n\r\n").framing, Framing::Length(7));
}
