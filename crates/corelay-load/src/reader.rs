//! One reader of answers for each protocol, behind one name.

use crate::Protocol;
use crate::frame::FrameReader;
use crate::response::{Answer, Asked, Fed, ResponseReader};

/// Where in an answer a connection is.
#[derive(Debug)]
pub(crate) enum Reader {
    Http(ResponseReader),
    Framed(FrameReader),
}

impl Reader {
    pub(crate) fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Http1 => Self::Http(ResponseReader::default()),
            Protocol::Framed => Self::Framed(FrameReader::default()),
        }
    }

    /// Takes the next bytes, up to the end of an answer: how many these are, and the answer.
    pub(crate) fn feed(&mut self, input: &[u8], asked: Asked) -> Fed {
        match self {
            Self::Http(reader) => reader.feed(input, asked),
            Self::Framed(reader) => reader.feed(input),
        }
    }

    /// The connection ended: the answer, if that is what ends it.
    pub(crate) fn end(&mut self) -> Option<Answer> {
        match self {
            Self::Http(reader) => reader.end(),
            Self::Framed(_) => None,
        }
    }
}
