//! An answer: its head, and its body to be read.

use std::io::{self, Read};

use corelay::http::{HeaderMap, StatusCode};
use corelay_http::{BodyDecoder, Framing, Limits};

use super::connection::Connection;
use crate::Error;
use crate::compression::too_large;
use crate::frames::read_failed;

/// Where a body ends.
pub(super) enum BodyEnd {
    Framed(Framing),
    /// Where the connection does.
    Closing,
}

/// An answer whose head has been read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// `None` once the body is at its end and the connection was kept or closed.
    connection: Option<Connection>,
    /// `None` where the body ends with the connection.
    decoder: Option<BodyDecoder>,
    keeps: bool,
}

impl Answer {
    pub(super) fn new(
        status: StatusCode,
        headers: HeaderMap,
        connection: Connection,
        end: BodyEnd,
        keeps: bool,
    ) -> Self {
        let decoder = match end {
            BodyEnd::Framed(framing) => Some(BodyDecoder::new(framing)),
            BodyEnd::Closing => None,
        };
        Self { status, headers, connection: Some(connection), decoder, keeps }
    }

    /// All of the body, of at most so many bytes.
    pub(super) fn read_whole(&mut self, bytes_max: usize) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        let limit = (bytes_max as u64).saturating_add(1);
        match self.take(limit).read_to_end(&mut body) {
            Ok(_) if body.len() > bytes_max => Err(too_large(bytes_max)),
            Ok(_) => Ok(body),
            Err(error) => Err(read_failed(&error)),
        }
    }

    /// Body bytes from what was received; `Ok(0)` if there are none there.
    fn decode(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(connection) = &mut self.connection else { return Ok(0) };
        let Some(decoder) = &mut self.decoder else {
            let count = connection.input.len().min(into.len());
            into[..count].copy_from_slice(&connection.input[..count]);
            connection.input.drain(..count);
            return Ok(count);
        };
        let mut at = 0;
        while !decoder.is_complete() {
            // No more at once than fits: what is decoded is taken.
            let input = &connection.input[at..];
            let input = &input[..input.len().min(into.len())];
            let decoded = decoder.decode(input, &Limits::default());
            let decoded = decoded.map_err(|error| io::Error::other(Error::internal(error.reason())))?;
            at += decoded.consumed;
            let data = &input[decoded.data];
            if !data.is_empty() {
                into[..data.len()].copy_from_slice(data);
                let count = data.len();
                connection.input.drain(..at);
                return Ok(count);
            }
            if decoded.consumed == 0 {
                break;
            }
        }
        connection.input.drain(..at);
        Ok(0)
    }

    fn is_complete(&self) -> bool {
        self.decoder.as_ref().is_some_and(BodyDecoder::is_complete)
    }

    /// The body is read: what is left of the connection is used again.
    fn finish(&mut self) {
        if let Some(connection) = self.connection.take().filter(|_| self.keeps && self.decoder.is_some()) {
            connection.keep();
        }
    }
}

impl Read for Answer {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            let count = self.decode(into)?;
            if self.is_complete() {
                self.finish();
            }
            let Some(connection) = self.connection.as_mut().filter(|_| count == 0) else { return Ok(count) };
            let received = connection.receive();
            match received {
                Ok(true) => {}
                Ok(false) if self.decoder.is_none() => {
                    self.finish();
                    return Ok(0);
                }
                Ok(false) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) => return Err(io::Error::other(connection.failed(&error))),
            }
        }
    }
}
