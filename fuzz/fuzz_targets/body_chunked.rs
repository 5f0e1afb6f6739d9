//! A chunked body decodes to the same bytes however it is cut, and what is encoded decodes to itself.
//!
//! The first byte of the input is the length of the segments.

#![no_main]

use corelay_http::{BodyDecoder, BodyError, Framing, LAST_CHUNK, Limits, encode_chunk};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [length, input @ ..] = input else { return };
    let length = usize::from(*length).max(1);
    let whole = decode([input]);
    assert_eq!(decode(input.chunks(length)), whole);
    assert_eq!(decode(input.chunks(1)), whole);

    let mut encoded = Vec::new();
    input.chunks(length).for_each(|data| encode_chunk(data, &mut encoded));
    encoded.extend_from_slice(LAST_CHUNK);
    assert_eq!(decode([&encoded[..]]), Ok((input.to_vec(), encoded.len(), true)));
});

fn decode<'a>(segments: impl IntoIterator<Item = &'a [u8]>) -> Result<(Vec<u8>, usize, bool), BodyError> {
    let limits = Limits { chunk_line_bytes: 24, trailer_bytes: 24, trailers: 2, ..Limits::default() };
    let (mut decoder, mut body, mut used) = (BodyDecoder::new(Framing::Chunked), Vec::new(), 0);
    for mut segment in segments {
        while !segment.is_empty() && !decoder.is_complete() {
            let decoded = decoder.decode(segment, &limits)?;
            assert!(decoded.consumed > 0 && decoded.data.end <= decoded.consumed);
            assert_eq!(decoded.complete, decoder.is_complete());
            body.extend_from_slice(&segment[decoded.data]);
            segment = &segment[decoded.consumed..];
            used += decoded.consumed;
        }
    }
    Ok((body, used, decoder.is_complete()))
}
