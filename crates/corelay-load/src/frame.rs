//! Reads one frame from the bytes of a connection: four bytes of length, the most significant first, then as many of payload.
//!
//! The payload is counted and not kept. Deliberately absent: what a payload means; a protocol that has its own idea of success
//! becomes a reader of its own beside this one.

use crate::response::{Answer, BadFraming, Fed};

/// A longer payload is taken for something that is no frame: four letters are a length of a gigabyte and more.
const PAYLOAD_BYTES_MAX: u32 = 16 << 20;

const LENGTH_BYTES: usize = 4;

/// Where in a frame the connection is.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    length: [u8; LENGTH_BYTES],
    /// Bytes of the length that are here.
    known: usize,
    /// Bytes of the payload that are here.
    payload: u64,
}

impl FrameReader {
    /// Takes the next bytes, up to the end of a frame.
    pub(crate) fn feed(&mut self, input: &[u8]) -> Fed {
        let of_length = input.len().min(LENGTH_BYTES - self.known);
        self.length[self.known..][..of_length].copy_from_slice(&input[..of_length]);
        self.known += of_length;
        if self.known < LENGTH_BYTES {
            return Ok((of_length, None));
        }
        let length = u32::from_be_bytes(self.length);
        if length > PAYLOAD_BYTES_MAX {
            return Err(BadFraming);
        }
        let rest = &input[of_length..];
        // What is missing fits: it is at most the length.
        let missing = usize::try_from(u64::from(length) - self.payload).unwrap_or(usize::MAX);
        let of_payload = rest.len().min(missing);
        self.payload += of_payload as u64;
        let answer = (of_payload == missing).then(|| {
            let body_bytes = std::mem::take(self).payload;
            Answer { status: None, body_bytes, keeps_alive: true, code: None }
        });
        Ok((of_length + of_payload, answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_wherever_they_are_split() {
        let input = b"\0\0\0\x05hello\0\0\0\0\0\0\0\x01x";
        for split in 0..input.len() {
            let (mut reader, mut found) = (FrameReader::default(), Vec::new());
            for mut part in [&input[..split], &input[split..]] {
                while !part.is_empty() {
                    let (consumed, answer) = reader.feed(part).expect("all are well formed");
                    part = &part[consumed..];
                    found.extend(answer.map(|answer| answer.body_bytes));
                }
            }
            assert_eq!(found, [5, 0, 1], "split at {split}");
        }
    }

    #[test]
    fn text_is_no_frame() {
        assert_eq!(FrameReader::default().feed(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Err(BadFraming));
    }
}
