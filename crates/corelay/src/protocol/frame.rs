//! Where one message ends and the next begins: two codecs, without I/O, and the trait they have in common.
//!
//! Both are total: every sequence of bytes is a message, the beginning of one, or refused with a reason. Nothing that a peer
//! announces is reserved or believed before it is within the limit.

use crate::connection::CloseReason;
use std::fmt;
use std::ops::Range;

/// How messages are told apart in a stream of bytes.
pub trait Codec: Send + Sync + 'static {
    /// Looks for the first message in `input`, whose first `seen` bytes it has seen in vain before, when there were no more.
    fn decode(&self, input: &[u8], seen: usize) -> Decoded;

    /// Appends `message` to `out` as the peer expects it.
    ///
    /// # Errors
    /// [`TooLong`]: it cannot be said so. `out` is as it was.
    fn encode(&self, message: &[u8], out: &mut Vec<u8>) -> Result<(), TooLong>;
}

/// What there is at the front of some input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A message, and how many bytes it took with all that is around it.
    Message {
        /// Where it is.
        payload: Range<usize>,
        /// How much of the input is done with.
        consumed: usize,
    },
    /// Part of one.
    Partial,
    /// What no message begins with: the connection is to be closed for this reason.
    Refused(CloseReason),
}

/// A message that is longer than its codec allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Its length in bytes.
    pub bytes: usize,
    /// The longest there may be.
    pub max: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a message of {} bytes, where {} is the most", self.bytes, self.max)
    }
}

impl std::error::Error for TooLong {}

/// In which order the bytes of a length are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endian {
    /// The most significant first: network order.
    #[default]
    Big,
    /// The least significant first.
    Little,
}

/// How many bytes a length has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 8 bits.
    One,
    /// 16 bits.
    Two,
    /// 32 bits.
    Four,
    /// 64 bits.
    Eight,
}

impl Width {
    const fn bytes(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
            Self::Eight => 8,
        }
    }

    /// The largest length that can be said.
    const fn max(self) -> u64 {
        u64::MAX >> (64 - 8 * self.bytes())
    }
}

/// A length, and then as many bytes.
///
/// ```
/// use corelay::protocol::{Codec, Decoded, LengthPrefixed, Width};
///
/// let codec = LengthPrefixed::new(Width::Two, 1024);
/// let mut sent = Vec::new();
/// codec.encode(b"hello", &mut sent)?;
/// assert_eq!(sent, b"\0\x05hello");
/// assert_eq!(codec.decode(&sent, 0), Decoded::Message { payload: 2..7, consumed: 7 });
/// assert_eq!(codec.decode(&sent[..4], 0), Decoded::Partial);
/// # Ok::<(), corelay::protocol::TooLong>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LengthPrefixed {
    width: Width,
    endian: Endian,
    max: usize,
}

impl LengthPrefixed {
    /// Messages of at most `max` bytes behind a length in network order. A longer one is refused as soon as its length is here, as
    /// [`CloseReason::TooLarge`]; so `max` is to be below [`Terms::max_input_bytes`](super::Terms::max_input_bytes), which
    /// refuses it later and with more of it in memory.
    pub const fn new(width: Width, max: usize) -> Self {
        Self { width, endian: Endian::Big, max }
    }

    /// The same with the bytes of the length in another order.
    pub const fn endian(mut self, endian: Endian) -> Self {
        self.endian = endian;
        self
    }

    fn length(&self, prefix: &[u8]) -> u64 {
        let append = |length: u64, byte: &u8| length << 8 | u64::from(*byte);
        match self.endian {
            Endian::Big => prefix.iter().fold(0, append),
            Endian::Little => prefix.iter().rev().fold(0, append),
        }
    }
}

impl Codec for LengthPrefixed {
    fn decode(&self, input: &[u8], _: usize) -> Decoded {
        let Some((prefix, rest)) = input.split_at_checked(self.width.bytes()) else {
            return Decoded::Partial;
        };
        match usize::try_from(self.length(prefix)) {
            Ok(length) if length <= self.max => {
                if rest.len() < length {
                    return Decoded::Partial;
                }
                let end = prefix.len() + length;
                Decoded::Message { payload: prefix.len()..end, consumed: end }
            }
            _ => Decoded::Refused(CloseReason::TooLarge),
        }
    }

    fn encode(&self, message: &[u8], out: &mut Vec<u8>) -> Result<(), TooLong> {
        let length = message.len() as u64;
        if message.len() > self.max || length > self.width.max() {
            let max = self.max.min(usize::try_from(self.width.max()).unwrap_or(usize::MAX));
            return Err(TooLong { bytes: message.len(), max });
        }
        let width = self.width.bytes();
        match self.endian {
            Endian::Big => out.extend_from_slice(&length.to_be_bytes()[8 - width..]),
            Endian::Little => out.extend_from_slice(&length.to_le_bytes()[..width]),
        }
        out.extend_from_slice(message);
        Ok(())
    }
}

/// Lines: a message is what comes before a line feed, without a carriage return at its end.
///
/// ```
/// use corelay::protocol::{Codec, Decoded, Lines};
///
/// let codec = Lines::new(1024);
/// assert_eq!(codec.decode(b"hello\r\nworld", 0), Decoded::Message { payload: 0..5, consumed: 7 });
/// assert_eq!(codec.decode(b"world", 0), Decoded::Partial);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    max: usize,
    crlf: bool,
}

impl Lines {
    /// Lines of at most `max` bytes, what ends them not counted; a longer one is refused as [`CloseReason::TooLarge`]. They are
    /// sent with a line feed.
    pub const fn new(max: usize) -> Self {
        Self { max, crlf: false }
    }

    /// Sends carriage return and line feed at the end of each line.
    pub const fn crlf(mut self) -> Self {
        self.crlf = true;
        self
    }
}

impl Codec for Lines {
    fn decode(&self, input: &[u8], seen: usize) -> Decoded {
        let unseen = input.get(seen..).unwrap_or_default();
        let Some(more) = unseen.iter().position(|byte| *byte == b'\n') else {
            // One more than the longest line may be here: it could be the carriage return.
            let too_long = input.len() > self.max.saturating_add(1);
            return if too_long { Decoded::Refused(CloseReason::TooLarge) } else { Decoded::Partial };
        };
        let line_feed = seen + more;
        let end = line_feed - usize::from(input[..line_feed].ends_with(b"\r"));
        if end > self.max {
            return Decoded::Refused(CloseReason::TooLarge);
        }
        Decoded::Message { payload: 0..end, consumed: line_feed + 1 }
    }

    /// A line feed within `message` would make two of it: it is sent as a space. A carriage return at its end would be taken for a
    /// part of what ends the line: one more is sent.
    fn encode(&self, message: &[u8], out: &mut Vec<u8>) -> Result<(), TooLong> {
        if message.len() > self.max {
            return Err(TooLong { bytes: message.len(), max: self.max });
        }
        out.extend(message.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
        let crlf = self.crlf || message.ends_with(b"\r");
        out.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
        Ok(())
    }
}
