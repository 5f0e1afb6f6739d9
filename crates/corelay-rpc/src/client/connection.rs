//! A connection to a server: dialled or kept from before, written to, and read a head from.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use corelay::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use corelay_http::Framing;

use super::answer::{Answer, BodyEnd};
use crate::{Code, Error};

/// Idle connections that are kept.
const IDLE_MAX: usize = 16;
const HEAD_BYTES_MAX: usize = 64 * 1024;
const FIELDS_MAX: usize = 128;
const READ_BYTES: usize = 16 * 1024;

/// Where a server is.
#[derive(Debug)]
pub(super) struct Address {
    /// Host and port, as they go into `host`.
    pub(super) authority: String,
    /// A path in front of each method's, without a slash at its end.
    pub(super) prefix: String,
    has_port: bool,
}

/// Connections without a call.
pub(super) type Idle = Vec<TcpStream>;

/// A connection with a call on it.
pub(super) struct Connection {
    stream: TcpStream,
    idle: Arc<Mutex<Idle>>,
    deadline: Option<Instant>,
    /// What was received and not yet read.
    pub(super) input: Vec<u8>,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let bad = || Error::invalid_argument(format!("{url:?} is not http://HOST:PORT"));
        let rest = url.strip_prefix("http://").ok_or_else(bad)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'@'))
        };
        if authority.is_empty() || !plain(authority) || !plain(path) {
            return Err(bad());
        }
        let path = path.trim_end_matches('/');
        let prefix = if path.is_empty() { String::new() } else { format!("/{path}") };
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        Ok(Self { authority: authority.to_owned(), prefix, has_port })
    }

    fn dial(&self, deadline: Option<Instant>) -> io::Result<TcpStream> {
        let with_port = if self.has_port { self.authority.clone() } else { format!("{}:80", self.authority) };
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in with_port.to_socket_addrs()? {
            let connected = match deadline {
                None => TcpStream::connect(address),
                Some(deadline) => TcpStream::connect_timeout(&address, left(deadline)?),
            };
            match connected {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl Connection {
    /// One that was kept and that the server has not closed, else a new one.
    pub(super) fn open(
        address: &Address,
        idle: &Arc<Mutex<Idle>>,
        deadline: Option<Instant>,
    ) -> Result<Self, Error> {
        let kept = || idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let usable = std::iter::from_fn(kept).find(is_silent);
        let stream = match usable {
            Some(stream) => stream,
            None => {
                let dialled =
                    address.dial(deadline).and_then(|stream| stream.set_nodelay(true).map(|()| stream));
                dialled.map_err(|error| transport(&error, deadline))?
            }
        };
        Ok(Self { stream, idle: Arc::clone(idle), deadline, input: Vec::new() })
    }

    /// Keeps the connection for another call.
    pub(super) fn keep(self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if self.input.is_empty() && idle.len() < IDLE_MAX {
            idle.push(self.stream);
        }
    }

    /// What an error of this connection means.
    pub(super) fn failed(&self, error: &io::Error) -> Error {
        transport(error, self.deadline)
    }

    /// Receives more input. `false`: the server has closed.
    pub(super) fn receive(&mut self) -> io::Result<bool> {
        let timeout = self.deadline.map(left).transpose()?;
        self.stream.set_read_timeout(timeout)?;
        let start = self.input.len();
        self.input.resize(start + READ_BYTES, 0);
        let received = loop {
            match self.stream.read(&mut self.input[start..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                received => break received,
            }
        };
        self.input.truncate(start + *received.as_ref().unwrap_or(&0));
        received.map(|count| count > 0)
    }

    /// Reads the head of the answer.
    pub(super) fn answer(mut self) -> Result<Answer, Error> {
        loop {
            if let Some((status, headers, framing, keeps)) = self.take_head()? {
                if status.is_informational() {
                    continue;
                }
                return Ok(Answer::new(status, headers, self, framing, keeps));
            }
            match self.receive() {
                Ok(true) if self.input.len() <= HEAD_BYTES_MAX + READ_BYTES => {}
                Ok(true) => return Err(Error::internal("the head of the answer is too large")),
                Ok(false) => return Err(Error::new(Code::Unavailable, "the server closed the connection")),
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    /// The head at the front of the input, if it is whole, and whether the connection can be kept.
    fn take_head(&mut self) -> Result<Option<(StatusCode, HeaderMap, BodyEnd, bool)>, Error> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut head = httparse::Response::new(&mut fields);
        let malformed = |reason: &str| Error::internal(format!("the answer is not HTTP: {reason}"));
        let length = match head.parse(&self.input).map_err(|error| malformed(&error.to_string()))? {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial => return Ok(None),
        };
        let status = head.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or_else(|| malformed("no status"))?;
        let mut headers = HeaderMap::new();
        for field in head.headers.iter() {
            let field = HeaderName::from_bytes(field.name.as_bytes())
                .ok()
                .zip(HeaderValue::from_bytes(field.value).ok());
            let (name, value) = field.ok_or_else(|| malformed("a field"))?;
            headers.append(name, value);
        }
        let keeps = head.version == Some(1) && !names(&headers, "connection", "close");
        self.input.drain(..length);
        let framing = framing(status, &headers).ok_or_else(|| malformed("its length"))?;
        Ok(Some((status, headers, framing, keeps)))
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let timeout = self.deadline.map(left).transpose()?;
        self.stream.set_write_timeout(timeout)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Where the body ends (RFC 9112, section 6.3).
fn framing(status: StatusCode, headers: &HeaderMap) -> Option<BodyEnd> {
    if status.is_informational() || matches!(status.as_u16(), 204 | 304) {
        return Some(BodyEnd::Framed(Framing::None));
    }
    if names(headers, "transfer-encoding", "chunked") {
        return Some(BodyEnd::Framed(Framing::Chunked));
    }
    match headers.get("content-length") {
        None => Some(BodyEnd::Closing),
        Some(length) => Some(BodyEnd::Framed(Framing::Length(length.to_str().ok()?.parse().ok()?))),
    }
}

fn names(headers: &HeaderMap, field: &str, token: &str) -> bool {
    let values = headers.get_all(field).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// Whether an idle connection is still open with nothing on it: what comes unasked is its end or no answer of ours.
fn is_silent(stream: &TcpStream) -> bool {
    let silent = stream.set_nonblocking(true).is_ok()
        && matches!(stream.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
    silent && stream.set_nonblocking(false).is_ok()
}

/// What is left until the deadline: an error once that is nothing.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn transport(error: &io::Error, deadline: Option<Instant>) -> Error {
    let timed_out = matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock);
    if timed_out && deadline.is_some() {
        return Error::deadline_exceeded();
    }
    Error::new(Code::Unavailable, error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    #[test]
    fn an_address_is_a_host_a_port_and_a_path_in_front() {
        let address = Address::parse("http://[::1]:8080/api/").unwrap();
        assert_eq!((&*address.authority, &*address.prefix, address.has_port), ("[::1]:8080", "/api", true));
        assert!(!Address::parse("http://localhost").unwrap().has_port);
        for url in ["", "localhost:80", "https://x", "http://", "http:///x", "http://a b", "http://x/?y"] {
            assert_eq!(Address::parse(url).unwrap_err().code(), Code::InvalidArgument, "{url}");
        }
    }
}
