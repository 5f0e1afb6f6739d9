//! A connection of the small server: bytes in, how many requests they are, answers out.

use std::io::{self, Read};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use corelay_poll::{Token, socket};

/// What every request gets: the fields that corelay sends.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 13\r\n\
    Content-Type: text/plain\r\n\r\nHello, World!";
const CLOSING_ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 13\r\n\
    Content-Type: text/plain\r\nConnection: close\r\n\r\nHello, World!";

const END_OF_HEAD: &[u8] = b"\r\n\r\n";
const CLOSE: &[u8] = b"Connection: close";
const SLEEP: &[u8] = b"GET /sleep/";
const SLEEP_MS_MAX: u64 = 1_000;

/// Bytes taken in at once.
const INPUT_BYTES: usize = 4096;

/// An accepted socket with what has come of its next request.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// What it is called in the table.
    pub(super) number: u32,
    input: Vec<u8>,
    output: Vec<u8>,
    closes: bool,
}

/// What is to be done with a connection next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// There is a request to be handled.
    Handle,
    /// More has to come first.
    Wait,
    Close,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, number: u32) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, number, input: Vec::new(), output: Vec::new(), closes: false })
    }

    pub(super) fn token(&self) -> Token {
        Token::new(self.number, 0)
    }

    /// One `recv`.
    pub(super) fn receive(&mut self) -> Next {
        let mut piece = [0; INPUT_BYTES];
        match (&self.stream).read(&mut piece) {
            Ok(0) => Next::Close,
            Ok(count) => {
                self.input.extend_from_slice(&piece[..count]);
                if whole_heads(&self.input).is_some() { Next::Handle } else { Next::Wait }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Next::Wait
            }
            Err(_) => Next::Close,
        }
    }

    /// The handler: an answer for each whole request, after its sleep if the first asks for one.
    pub(super) fn handle(&mut self) {
        let Some((count, end)) = whole_heads(&self.input) else { return };
        if let Some(time) = sleep(&self.input) {
            thread::sleep(time);
        }
        self.closes = self.input[..end].windows(CLOSE.len()).any(|bytes| bytes == CLOSE);
        self.output.clear();
        for _ in 1..count {
            self.output.extend_from_slice(ANSWER);
        }
        self.output.extend_from_slice(if self.closes { CLOSING_ANSWER } else { ANSWER });
        self.input.drain(..end);
    }

    /// One `send`.
    pub(super) fn send(&self) -> Next {
        match socket::send(&self.stream, &self.output) {
            Ok(count) if count == self.output.len() && !self.closes => Next::Wait,
            _ => Next::Close,
        }
    }
}

/// How long a request for `/sleep/MS` is to block its thread.
fn sleep(input: &[u8]) -> Option<Duration> {
    let digits = input.strip_prefix(SLEEP)?.split(|byte| !byte.is_ascii_digit()).next()?;
    let ms: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(Duration::from_millis(ms.min(SLEEP_MS_MAX)))
}

/// How many requests are whole, and where the last of them ends; `None` if none is.
fn whole_heads(input: &[u8]) -> Option<(usize, usize)> {
    let ends = input.windows(END_OF_HEAD.len()).enumerate().filter(|(_, bytes)| *bytes == END_OF_HEAD);
    let (count, end) = ends.fold((0, 0), |(count, _), (start, _)| (count + 1, start + END_OF_HEAD.len()));
    (count > 0).then_some((count, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_end_with_an_empty_line() {
        assert_eq!(whole_heads(b"GET / HTTP/1.1\r\nHost: x\r\n"), None);
        assert_eq!(whole_heads(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), Some((1, 27)));
        assert_eq!(whole_heads(b"A\r\n\r\nB\r\n\r\nC"), Some((2, 10)));
    }

    #[test]
    fn a_sleep_is_bounded_and_only_where_it_is_asked_for() {
        assert_eq!(sleep(b"GET /sleep/100 HTTP/1.1\r\n"), Some(Duration::from_millis(100)));
        assert_eq!(sleep(b"GET /sleep/999999 HTTP/1.1\r\n"), Some(Duration::from_secs(1)));
        assert_eq!(sleep(b"GET /plaintext HTTP/1.1\r\n"), None);
    }
}
