//! Connections that have had one answer each and are held: what a server's memory is measured with.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a server may take over one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Enough for the whole of a short answer.
const ANSWER_BYTES_MAX: usize = 4096;

const REQUEST: &[u8] = b"GET /plaintext HTTP/1.1\r\nHost: claims\r\n\r\n";

/// They close when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Held {
    connections: Vec<TcpStream>,
    /// Those that got a 503.
    pub(super) refused: usize,
    /// What went wrong with the first that got no answer.
    pub(super) failure: Option<io::Error>,
}

impl Held {
    /// Opens one more, one request and its answer before the next; whether the server serves it.
    pub(super) fn add(&mut self, address: SocketAddr) -> bool {
        match open(address) {
            Ok((connection, 200)) => {
                self.connections.push(connection);
                return true;
            }
            Ok((_, 503)) => self.refused += 1,
            Ok((_, status)) => {
                self.failure = Some(io::Error::other(format!("an answer with status {status}")))
            }
            Err(error) => self.failure = Some(error),
        }
        false
    }

    /// How many are held.
    pub(super) fn count(&self) -> usize {
        self.connections.len()
    }

    /// How many of them the server has closed meanwhile.
    pub(super) fn lost(&self) -> usize {
        self.connections.iter().filter(|connection| !is_open(connection)).count()
    }
}

/// A connection after its first answer, and the status of that.
fn open(address: SocketAddr) -> io::Result<(TcpStream, u16)> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    // A server that refuses does so before it has read anything: what it said is read even if it has closed by now.
    let written = connection.write_all(REQUEST);
    let mut answer = Vec::new();
    let mut piece = [0; ANSWER_BYTES_MAX];
    while !is_whole(&answer) {
        match connection.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => answer.extend_from_slice(&piece[..count]),
        }
    }
    let status = status(&answer).ok_or(io::ErrorKind::InvalidData)?;
    if status == 200 {
        written?;
        connection.set_nonblocking(true)?;
    }
    Ok((connection, status))
}

/// Whether it has a head; the body of so short an answer comes in the same segment.
fn is_whole(answer: &[u8]) -> bool {
    answer.windows(4).any(|four| four == b"\r\n\r\n")
}

/// `HTTP/1.1 200 OK` is 200.
fn status(answer: &[u8]) -> Option<u16> {
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

/// Whether the server still has its side open: there is nothing to read, or a rest of the answer, but no end.
fn is_open(connection: &TcpStream) -> bool {
    match connection.peek(&mut [0]) {
        Ok(count) => count > 0,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_once_its_head_is_whole() {
        let answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
        assert!(is_whole(answer) && !is_whole(&answer[..answer.len() - 1]));
        assert_eq!(status(answer), Some(503));
        assert_eq!(status(b"x"), None);
    }
}
