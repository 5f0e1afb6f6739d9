//! A body of known length is exactly so many bytes.
//!
//! The first nine bytes of the input are the length and how long the segments are.

#![no_main]

use corelay_http::{BodyDecoder, Framing, Limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((length, [segment, input @ ..])) = input.split_first_chunk() else { return };
    let length = u64::from_le_bytes(*length);
    let mut decoder = BodyDecoder::new(Framing::Length(length));
    let mut taken = 0;
    for segment in input.chunks(usize::from(*segment).max(1)) {
        let decoded = decoder.decode(segment, &Limits::default()).expect("a known length has no errors");
        assert_eq!(decoded.data, 0..decoded.consumed);
        taken += decoded.consumed as u64;
        assert_eq!(decoder.remaining_hint(), length - taken);
        assert_eq!((decoded.complete, decoder.is_complete()), (taken == length, taken == length));
    }
    assert_eq!(taken, length.min(input.len() as u64));
});
