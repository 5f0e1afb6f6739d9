//! Messages come out the same however their bytes are cut, none is longer than allowed, and what comes out encodes to what
//! went in, or to what means the same.
//!
//! The first byte of the input chooses the codec, the second the limit, the third the length of the portions.

#![no_main]

use corelay::CloseReason;
use corelay::protocol::{Codec, Decoded, Endian, LengthPrefixed, Lines, Width};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [codec, limit, length, input @ ..] = input else { return };
    let (max, length) = (usize::from(*limit), usize::from(*length).max(1));
    let width = [Width::One, Width::Two, Width::Four, Width::Eight][usize::from(codec >> 1) % 4];
    match codec % 4 {
        0 => check(&LengthPrefixed::new(width, max), input, max, length, true),
        1 => check(&LengthPrefixed::new(width, max).endian(Endian::Little), input, max, length, true),
        2 => check(&Lines::new(max), input, max, length, false),
        _ => check(&Lines::new(max).crlf(), input, max, length, false),
    }
});

fn check(codec: &impl Codec, input: &[u8], max: usize, length: usize, exact: bool) {
    let whole = decode(codec, [input]);
    assert_eq!(decode(codec, input.chunks(length)), whole);
    assert_eq!(decode(codec, input.chunks(1)), whole);

    let (messages, _) = whole;
    let mut encoded = Vec::new();
    for message in &messages {
        assert!(message.len() <= max);
        assert_eq!(codec.encode(message, &mut encoded), Ok(()));
    }
    if exact {
        assert!(input.starts_with(&encoded));
    }
    assert_eq!(decode(codec, [&encoded[..]]), (messages, None));
    let before = encoded.len();
    assert!(codec.encode(&vec![b'x'; max + 1], &mut encoded).is_err());
    assert_eq!(encoded.len(), before);
}

/// As a connection does it: what is left of a message waits for more, and what was looked at is told.
fn decode<'a>(
    codec: &impl Codec,
    portions: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Vec<u8>>, Option<CloseReason>) {
    let (mut messages, mut buffer, mut seen) = (Vec::new(), Vec::new(), 0);
    for portion in portions {
        buffer.extend_from_slice(portion);
        while !buffer.is_empty() {
            match codec.decode(&buffer, std::mem::take(&mut seen)) {
                Decoded::Message { payload, consumed } => {
                    messages.push(buffer[payload].to_vec());
                    assert!(consumed > 0);
                    buffer.drain(..consumed);
                }
                Decoded::Partial => {
                    seen = buffer.len();
                    break;
                }
                Decoded::Refused(reason) => return (messages, Some(reason)),
            }
        }
    }
    (messages, None)
}
