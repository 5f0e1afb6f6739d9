//! What a codec sends is what its peer's codec reads.

use corelay::protocol::{Codec, Decoded, Endian, LengthPrefixed, Lines, Width};

fn comes_back(codec: &impl Codec, message: &[u8]) {
    let mut sent = Vec::new();
    codec.encode(message, &mut sent).unwrap();
    let Decoded::Message { payload, consumed } = codec.decode(&sent, 0) else { panic!("{sent:?}") };
    assert_eq!((&sent[payload], consumed), (message, sent.len()));
}

/// The fuzzer's finding: a line that ends with a carriage return came back without it.
#[test]
fn every_message_comes_back_as_it_was() {
    for message in [&b""[..], b"hello", b"\r", b"a\r", b"a\r\r", b"\ra", b"\0\xff"] {
        comes_back(&Lines::new(10), message);
        comes_back(&Lines::new(10).crlf(), message);
        for width in [Width::One, Width::Two, Width::Four, Width::Eight] {
            comes_back(&LengthPrefixed::new(width, 10), message);
            comes_back(&LengthPrefixed::new(width, 10).endian(Endian::Little), message);
        }
    }
}
