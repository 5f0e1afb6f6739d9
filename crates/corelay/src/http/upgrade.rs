//! What is left of a connection once HTTP is done with it: bytes in, bytes out.
//!
//! Made by an `Upgrade` (RFC 9110, section 7.8) or a `CONNECT` (section 9.3.6) that a handler accepted with
//! [`Response::upgrade`](super::Response::upgrade) or [`Response::tunnel`](super::Response::tunnel).

use std::fmt;
use std::io::{self, Read, Write};

/// A blocking byte stream in both directions. Implemented for everything that is [`Read`] and [`Write`].
pub trait ReadWrite: Read + Write {}

impl<T: Read + Write> ReadWrite for T {}

/// The connection after a protocol upgrade, to be read and written by the closure that was given for it.
///
/// The bytes that the peer sent behind its request, before it saw the answer, are read first. Dropping it
/// closes the connection.
pub struct Upgraded {
    leftover: io::Cursor<Vec<u8>>,
    stream: Box<dyn ReadWrite + Send>,
}

impl Upgraded {
    /// `leftover` is what was received after the request's head.
    pub(crate) fn new(stream: Box<dyn ReadWrite + Send>, leftover: Vec<u8>) -> Self {
        Self { leftover: io::Cursor::new(leftover), stream }
    }
}

impl Read for Upgraded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let early = self.leftover.read(buffer)?;
        if early > 0 || buffer.is_empty() {
            return Ok(early);
        }
        self.stream.read(buffer)
    }
}

impl Write for Upgraded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Upgraded").finish_non_exhaustive()
    }
}
