//! Frames come out the same however their bytes are cut, none is longer than allowed, and what comes out encodes to what
//! went in.
//!
//! The first byte of the input is the length of the portions, the second the limit.

#![no_main]

use corelay_rpc::envelope::{self, Decoder, Envelope, TooLong};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [length, limit, input @ ..] = input else { return };
    let limit = usize::from(*limit);
    let whole = decode([input], limit);
    assert_eq!(decode(input.chunks(usize::from(*length).max(1)), limit), whole);
    assert_eq!(decode(input.chunks(1), limit), whole);

    let (envelopes, end) = whole;
    let mut encoded = Vec::new();
    for envelope in &envelopes {
        assert!(envelope.data.len() <= limit);
        envelope::encode(envelope.flags, &envelope.data, &mut encoded);
    }
    assert!(input.starts_with(&encoded));
    assert_eq!(end == Ok(true), encoded.len() == input.len());
});

fn decode<'a>(
    portions: impl IntoIterator<Item = &'a [u8]>,
    limit: usize,
) -> (Vec<Envelope>, Result<bool, TooLong>) {
    let (mut decoder, mut envelopes) = (Decoder::new(limit), Vec::new());
    for portion in portions {
        decoder.feed(portion);
        loop {
            match decoder.next_envelope() {
                Ok(Some(envelope)) => envelopes.push(envelope),
                Ok(None) => break,
                Err(error) => return (envelopes, Err(error)),
            }
        }
    }
    let whole = decoder.is_between_envelopes();
    (envelopes, Ok(whole))
}
