//! Message bodies: from the bytes after the head to the bytes of the body.

mod chunked;
mod extension;

use crate::{BodyError, Limits};
use chunked::ChunkedDecoder;
use std::ops::Range;

/// How a request's body ends (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// There is no body.
    None,
    /// This many bytes.
    Length(u64),
    /// Chunks, up to the last chunk and its trailer section.
    Chunked,
}

/// What one call of [`BodyDecoder::decode`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of the input that are done with. They must not be presented again.
    pub consumed: usize,
    /// Where in the input body bytes lie; may be empty. Never reaches past `consumed`.
    pub data: Range<usize>,
    /// Whether the body ended at `consumed`: what follows is the next request.
    pub complete: bool,
}

/// Progress through one request's body.
///
/// One call yields at most one run of body bytes, so call it again with what is left until it is complete or consumes
/// nothing more:
///
/// ```
/// use corelay_http::{BodyDecoder, Framing, Limits};
/// let mut input = &b"5\r\nHello\r\n8;note=x\r\n, World!\r\n0\r\n\r\nGET /next"[..];
/// let (mut decoder, mut body) = (BodyDecoder::new(Framing::Chunked), Vec::new());
/// while !decoder.is_complete() {
///     let decoded = decoder.decode(input, &Limits::default())?;
///     body.extend_from_slice(&input[decoded.data]);
///     input = &input[decoded.consumed..]; // here: read more, if nothing is left
/// }
/// assert_eq!((&body[..], input), (&b"Hello, World!"[..], &b"GET /next"[..]));
/// # Ok::<(), corelay_http::BodyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct BodyDecoder {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Length(u64),
    Chunked(ChunkedDecoder),
}

impl BodyDecoder {
    /// A decoder for a body that ends as `framing` says.
    #[inline]
    pub fn new(framing: Framing) -> Self {
        let kind = match framing {
            Framing::None => Kind::Length(0),
            Framing::Length(length) => Kind::Length(length),
            Framing::Chunked => Kind::Chunked(ChunkedDecoder::default()),
        };
        Self { kind }
    }

    /// Decodes the start of `input`. Consumes everything but what follows the body.
    ///
    /// # Errors
    /// The first rule of RFC 9112 section 7.1, or the first of `limits`, that a chunked body breaks; the same again on
    /// every later call. A body of known length has no errors.
    pub fn decode(&mut self, input: &[u8], limits: &Limits) -> Result<Decoded, BodyError> {
        match &mut self.kind {
            Kind::Length(remaining) => {
                let taken = usize::try_from(*remaining).map_or(input.len(), |most| most.min(input.len()));
                *remaining -= taken as u64;
                Ok(Decoded { consumed: taken, data: 0..taken, complete: *remaining == 0 })
            }
            Kind::Chunked(chunked) => chunked.decode(input, limits),
        }
    }

    /// Whether the whole body has been decoded. True from the start where there is no body.
    #[inline]
    pub fn is_complete(&self) -> bool {
        match &self.kind {
            Kind::Length(remaining) => *remaining == 0,
            Kind::Chunked(chunked) => chunked.is_complete(),
        }
    }

    /// Body bytes that are certain to come: all that are left of a body of known length, those left in the current
    /// chunk of a chunked one.
    #[inline]
    pub fn remaining_hint(&self) -> u64 {
        match &self.kind {
            Kind::Length(remaining) => *remaining,
            Kind::Chunked(chunked) => chunked.remaining_in_chunk(),
        }
    }
}
