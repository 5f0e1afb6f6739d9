//! RFC 9112 section 6.2: as many bytes as Content-Length says, and the next request after them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod feed;

use corelay_http::{BodyDecoder, Framing, Limits};
use feed::decode;

#[test]
fn the_body_is_the_first_so_many_bytes() {
    let limits = Limits::default();
    assert_eq!(decode(Framing::Length(5), b"HelloGET", &limits), Ok((b"Hello".to_vec(), 5, true)));
    assert_eq!(decode(Framing::Length(9), b"HelloGET", &limits), Ok((b"HelloGET".to_vec(), 8, false)));
    assert_eq!(decode(Framing::Length(u64::MAX), b"Hello", &limits), Ok((b"Hello".to_vec(), 5, false)));
}

#[test]
fn no_body_is_complete_from_the_start() {
    for framing in [Framing::None, Framing::Length(0)] {
        let mut decoder = BodyDecoder::new(framing);
        assert!(decoder.is_complete());
        let decoded = decoder.decode(b"GET", &Limits::default()).unwrap();
        assert_eq!((decoded.consumed, decoded.data, decoded.complete), (0, 0..0, true));
    }
}

#[test]
fn what_is_left_is_known() {
    let mut decoder = BodyDecoder::new(Framing::Length(10));
    decoder.decode(b"123", &Limits::default()).unwrap();
    assert_eq!(decoder.remaining_hint(), 7);
}

#[test]
fn a_decoder_is_small() {
    assert!(size_of::<BodyDecoder>() <= 32, "it is {} bytes", size_of::<BodyDecoder>());
}
