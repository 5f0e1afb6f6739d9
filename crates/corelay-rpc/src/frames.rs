//! The messages of a stream, read as they arrive: by a service from a request, by a client from an answer.

use std::io::{self, Read};

use corelay::http::{BodyError, StatusCode};

use crate::compression::too_large;
use crate::envelope::{COMPRESSED, Decoder, END_STREAM, Envelope};
use crate::{Code, Compression, Error};

/// How much is read at a time, in bytes.
const READ_BYTES: usize = 16 * 1024;

/// Reads frames, and opens what is compressed.
pub(crate) struct Frames<R> {
    reader: R,
    decoder: Decoder,
    compression: Compression,
    message_bytes_max: usize,
    buffer: Vec<u8>,
}

/// A frame, opened.
pub(crate) enum Frame {
    Message(Vec<u8>),
    /// The last one of an answer.
    End(Vec<u8>),
}

impl<R: Read> Frames<R> {
    pub(crate) fn new(reader: R, compression: Compression, message_bytes_max: usize) -> Self {
        let decoder = Decoder::new(message_bytes_max);
        Self { reader, decoder, compression, message_bytes_max, buffer: Vec::new() }
    }

    pub(crate) fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The next frame; `None` where the bytes end after a whole one.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame>, Error> {
        loop {
            match self.decoder.next_envelope() {
                Ok(Some(envelope)) => return self.open(envelope).map(Some),
                Ok(None) => {}
                Err(_) => return Err(too_large(self.message_bytes_max)),
            }
            if !self.read_more()? {
                return match self.decoder.is_between_envelopes() {
                    true => Ok(None),
                    false => Err(Error::invalid_argument("the stream ends in the middle of a message")),
                };
            }
        }
    }

    /// `false` at the end.
    fn read_more(&mut self) -> Result<bool, Error> {
        self.buffer.resize(READ_BYTES, 0);
        loop {
            match self.reader.read(&mut self.buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.decoder.feed(&self.buffer[..count]);
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(read_failed(&error)),
            }
        }
    }

    fn open(&self, envelope: Envelope) -> Result<Frame, Error> {
        let Envelope { flags, data } = envelope;
        if flags & !(COMPRESSED | END_STREAM) != 0 {
            return Err(Error::invalid_argument(format!("unknown flags {flags:#010b} of a message")));
        }
        let data = match flags & COMPRESSED {
            0 => data,
            _ if self.compression == Compression::Identity => {
                return Err(Error::internal("a message is compressed, and the stream names no compression"));
            }
            _ if data.is_empty() => data,
            _ => self.compression.decompress(&data, self.message_bytes_max)?,
        };
        Ok(if flags & END_STREAM == 0 { Frame::Message(data) } else { Frame::End(data) })
    }
}

/// What to tell of a body that could not be read.
pub(crate) fn read_failed(error: &io::Error) -> Error {
    if let Some(cause) = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>()) {
        return cause.clone();
    }
    let code = match BodyError::of(error).map(BodyError::status) {
        Some(StatusCode::PAYLOAD_TOO_LARGE) => Code::ResourceExhausted,
        Some(StatusCode::REQUEST_TIMEOUT) => Code::Canceled,
        Some(_) => Code::InvalidArgument,
        None if error.kind() == io::ErrorKind::TimedOut => return Error::deadline_exceeded(),
        None => Code::Unavailable,
    };
    Error::new(code, error.to_string())
}
