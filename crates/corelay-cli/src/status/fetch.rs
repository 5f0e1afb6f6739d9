//! One request, in HTTP/1.0: the answer ends where the stream ends, so there is nothing to frame and no client
//! library to choose for thirty lines.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context as _, bail};
use corelay_load::Request;

use super::server::{Endpoint, Server};

/// How long to wait to be connected, and for each byte: a status is small and a server that is well sends it
/// at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest answer read, in bytes: a thousand cores fit.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// How much is shown of an answer that is none, in bytes.
const SHOWN_BYTES_MAX: usize = 80;

/// The body of the server's answer to a GET.
///
/// # Errors
///
/// When it cannot be reached or does not answer in time, and when the answer is not 200.
pub(super) fn fetch(server: &Server) -> anyhow::Result<Vec<u8>> {
    let request = Request::of_path(&server.target);
    match &server.endpoint {
        Endpoint::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            ask(stream, &server.host, &request)
        }
        Endpoint::Tcp { host, port } => ask(connect(host, *port)?, &server.host, &request),
    }
}

/// Whether a server at `address` (host and port) answers a request with 200.
///
/// # Errors
///
/// It does not, and what it does instead.
pub(crate) fn answers(address: &str, host: &str, request: &Request) -> anyhow::Result<()> {
    let (name, port) = address.rsplit_once(':').context("an address has a port")?;
    let name = name.trim_start_matches('[').trim_end_matches(']');
    ask(connect(name, port.parse()?)?, host, request).map(drop)
}

/// To the first address of the name that answers.
fn connect(host: &str, port: u16) -> anyhow::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last.into())
}

fn ask(mut stream: impl Read + Write, host: &str, request: &Request) -> anyhow::Result<Vec<u8>> {
    let Request { method, path, fields, body: message, .. } = request;
    let mut lines: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    if !message.is_empty() {
        lines += &format!("Content-Length: {}\r\n", message.len());
    }
    let head = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n{lines}\r\n");
    stream.write_all(&[head.as_bytes(), message].concat())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).context("the answer did not end")?;
    body(answer)
}

/// What follows the head of a 200.
fn body(mut answer: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        let beginning = String::from_utf8_lossy(&answer[..answer.len().min(SHOWN_BYTES_MAX)]);
        bail!("the answer is not HTTP: '{}'", beginning.escape_debug());
    };
    let body = answer.split_off(end + 4);
    let head = String::from_utf8_lossy(&answer);
    let line = head.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some("200") if line.starts_with("HTTP/1.") => Ok(body),
        _ => bail!("the server answered '{}'", line.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use std::net::TcpListener;

    use super::*;

    /// What `fetch` makes of `answer`, sent by a server of one connection.
    fn fetched(answer: &'static [u8]) -> (String, anyhow::Result<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server::parse(&listener.local_addr().unwrap().to_string()).unwrap();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            stream.write_all(answer).unwrap();
            String::from_utf8(request).unwrap()
        });
        let result = fetch(&server);
        (serving.join().unwrap(), result)
    }

    #[test]
    fn the_body_of_a_200_is_returned() {
        let (request, result) = fetched(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        assert!(request.starts_with("GET /status HTTP/1.0\r\nHost: 127.0.0.1:"), "{request}");
        assert_eq!(result.unwrap(), b"{}");
    }

    #[test]
    fn any_other_answer_is_an_error_that_shows_it_escaped() {
        let error = |answer| fetched(answer).1.unwrap_err().to_string();
        assert_eq!(
            error(b"HTTP/1.1 404 Not\x1bFound\r\n\r\n"),
            r"the server answered 'HTTP/1.1 404 Not\u{1b}Found'"
        );
        assert_eq!(error(b"SSH-2.0-x\r\n\r\n"), "the server answered 'SSH-2.0-x'");
        assert_eq!(error(b"HTTP/1.1 200 OK\r\n"), r"the answer is not HTTP: 'HTTP/1.1 200 OK\r\n'");
        assert_eq!(error(b""), "the answer is not HTTP: ''");
    }
}
