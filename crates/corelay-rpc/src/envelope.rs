//! The frames of a stream: a byte of flags, four of length, the message. Without I/O.
//!
//! ```text
//!            flags   length, big-endian   that many bytes
//!           ┌───────┬───────────────────┬─────────────────┐
//!           │ 1 byte│      4 bytes      │     message     │
//!           └───────┴───────────────────┴─────────────────┘
//!             0x01 compressed    0x02 the end message of an answer
//! ```
//!
//! The decoder holds back an incomplete frame and nothing else; a length past the limit is refused at its fifth byte,
//! before anything is reserved for it.

/// The message is compressed, as `connect-content-encoding` says.
pub const COMPRESSED: u8 = 0b0000_0001;
/// The last message of an answer: JSON with the error, if any, and the trailers.
pub const END_STREAM: u8 = 0b0000_0010;
/// The bytes in front of each message.
pub const PREFIX_BYTES: usize = 5;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// [`COMPRESSED`], [`END_STREAM`], or what else the peer set.
    pub flags: u8,
    /// The message as it was sent.
    pub data: Vec<u8>,
}

/// A frame that is longer than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// The length that the peer announced, in bytes.
    pub announced: u32,
}

/// Takes frames out of bytes that come in any portions.
///
/// ```
/// use corelay_rpc::envelope::{self, Decoder, Envelope};
///
/// let mut bytes = Vec::new();
/// envelope::encode(0, b"one", &mut bytes);
/// let mut decoder = Decoder::new(1024);
/// decoder.feed(&bytes[..6]);
/// assert_eq!(decoder.next_envelope(), Ok(None));
/// decoder.feed(&bytes[6..]);
/// assert_eq!(decoder.next_envelope(), Ok(Some(Envelope { flags: 0, data: b"one".to_vec() })));
/// assert!(decoder.is_between_envelopes());
/// ```
#[derive(Debug)]
pub struct Decoder {
    data_bytes_max: usize,
    buffer: Vec<u8>,
    /// How much of the buffer was given out.
    taken: usize,
}

impl Decoder {
    /// A decoder that refuses messages of more than `data_bytes_max` bytes, compressed as they are.
    pub fn new(data_bytes_max: usize) -> Self {
        Self { data_bytes_max, buffer: Vec::new(), taken: 0 }
    }

    /// Takes in what came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, if all of it is here.
    ///
    /// # Errors
    /// It is longer than allowed. The decoder stays where it is.
    pub fn next_envelope(&mut self) -> Result<Option<Envelope>, TooLong> {
        let Some((&[flags, length @ ..], rest)) = self.rest().split_first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let announced = u32::from_be_bytes(length);
        let length = usize::try_from(announced).unwrap_or(usize::MAX);
        if length > self.data_bytes_max {
            return Err(TooLong { announced });
        }
        let Some(data) = rest.get(..length) else { return Ok(None) };
        let data = data.to_vec();
        self.taken += PREFIX_BYTES + length;
        Ok(Some(Envelope { flags, data }))
    }

    /// Whether nothing is held back: where the bytes may end.
    pub fn is_between_envelopes(&self) -> bool {
        self.rest().is_empty()
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }
}

/// Appends a frame. A message of 4 GiB or more, which no frame holds, is refused by the callers' limits.
pub fn encode(flags: u8, data: &[u8], out: &mut Vec<u8>) {
    out.reserve(PREFIX_BYTES + data.len());
    out.push(flags);
    out.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(data);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use proptest::prelude::*;

    use super::*;

    fn decode(portions: &[&[u8]], limit: usize) -> (Vec<Envelope>, Result<bool, TooLong>) {
        let (mut decoder, mut found) = (Decoder::new(limit), Vec::new());
        for portion in portions {
            decoder.feed(portion);
            loop {
                match decoder.next_envelope() {
                    Ok(Some(envelope)) => found.push(envelope),
                    Ok(None) => break,
                    Err(error) => return (found, Err(error)),
                }
            }
        }
        let whole = decoder.is_between_envelopes();
        (found, Ok(whole))
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_however_they_are_cut(
            messages in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 0..6),
            size in 1_usize..9,
        ) {
            let mut bytes = Vec::new();
            for (flags, data) in &messages {
                encode(*flags, data, &mut bytes);
            }
            let portions: Vec<&[u8]> = bytes.chunks(size).collect();
            let (found, end) = decode(&portions, 40);
            let expected: Vec<_> =
                messages.into_iter().map(|(flags, data)| Envelope { flags, data }).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(end, Ok(true));
        }
    }

    #[test]
    fn a_length_past_the_limit_is_refused_before_its_message_comes() {
        assert_eq!(decode(&[&[0, 0, 0, 0, 5]], 4), (vec![], Err(TooLong { announced: 5 })));
        assert_eq!(decode(&[&[0, 255, 255, 255, 255]], 4), (vec![], Err(TooLong { announced: u32::MAX })));
        assert_eq!(decode(&[&[0, 0, 0, 0, 4]], 4), (vec![], Ok(false)));
    }
}
