//! The response the floor sends: corelay's own, fetched from a running one, or a built-in one of its shape.
//!
//! The floor must send the very bytes corelay sends, or a shorter head would count as speed. The request is the one
//! wrk writes, so that nothing about it can lead to another answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// The path every server answers.
pub const PATH: &str = "/plaintext";

/// The body every server answers with.
pub const BODY: &str = "Hello, World!";

/// The floor's response when no `--response-from` is given: corelay's fields, with a date that stands still.
pub const BUILT_IN: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    Content-Length: 13\r\n\
    Content-Type: text/plain\r\n\
    \r\n\
    Hello, World!";

/// How long a server may take to connect or to go on with its response.
const PATIENCE: Duration = Duration::from_secs(5);

/// A response longer than this is not the one meant.
const LENGTH_MAX: usize = 64 * 1024;

/// Fetches one response, head and body as received, with the request that wrk writes for the same URL.
///
/// # Errors
///
/// A URL that is not `http://ADDRESS:PORT/PATH`, a server that cannot be reached, or a response that is not a
/// 200 with a Content-Length (RFC 9112, section 6.2).
///
/// ```no_run
/// let response = corelay_bench::response::fetch("http://127.0.0.1:8080/plaintext")?;
/// assert!(response.ends_with(b"Hello, World!"));
/// # Ok::<(), anyhow::Error>(())
/// ```
pub fn fetch(url: &str) -> Result<Vec<u8>> {
    let mut stream = ask(url, "")?;
    read_one(&mut stream).with_context(|| format!("from {url}"))
}

/// Fetches one response with `Connection: close` and waits for the server to close (RFC 9112, section 9.6).
///
/// # Errors
///
/// As [`fetch`]; and a server that keeps the connection open for five seconds.
///
/// ```no_run
/// corelay_bench::response::fetch_and_close("http://127.0.0.1:8080/plaintext")?;
/// # Ok::<(), anyhow::Error>(())
/// ```
pub fn fetch_and_close(url: &str) -> Result<Vec<u8>> {
    let mut stream = ask(url, "Connection: close\r\n")?;
    let response = read_one(&mut stream).with_context(|| format!("from {url}"))?;
    ensure!(stream.read(&mut [0]).context("the connection stays open")? == 0, "more bytes than one response");
    Ok(response)
}

/// Connects and writes the request for a URL, with further field lines.
fn ask(url: &str, fields: &str) -> Result<TcpStream> {
    let rest = url.strip_prefix("http://").context("the URL must begin with http://")?;
    let (host, path) = rest.split_once('/').context("the URL must have a path")?;
    let mut stream = TcpStream::connect(host).with_context(|| format!("no server at {host}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n").as_bytes())?;
    Ok(stream)
}

/// Reads one whole response with a Content-Length and leaves the connection open.
///
/// # Errors
///
/// As [`fetch`].
///
/// ```
/// let mut input = corelay_bench::response::BUILT_IN;
/// assert_eq!(corelay_bench::response::read_one(&mut input)?, corelay_bench::response::BUILT_IN);
/// # Ok::<(), anyhow::Error>(())
/// ```
pub fn read_one(input: &mut impl Read) -> Result<Vec<u8>> {
    let (status, response) = read_any(input)?;
    ensure!(status == 200, "not a 200: {status}");
    Ok(response)
}

/// The same, whatever its status is, which comes first.
///
/// # Errors
///
/// As [`read_one`], but for the status.
///
/// ```
/// let mut input = &b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"[..];
/// assert_eq!(corelay_bench::response::read_any(&mut input)?.0, 503);
/// # Ok::<(), anyhow::Error>(())
/// ```
pub fn read_any(input: &mut impl Read) -> Result<(u16, Vec<u8>)> {
    let mut response = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some((status, length)) = head(&response)?
            && response.len() >= length
        {
            ensure!(response.len() == length, "more bytes than one response");
            return Ok((status, response));
        }
        ensure!(response.len() < LENGTH_MAX, "no whole response in {LENGTH_MAX} bytes");
        match input.read(&mut piece).context("the response does not go on")? {
            0 => bail!("the server closed after {} bytes of its response", response.len()),
            received => response.extend_from_slice(&piece[..received]),
        }
    }
}

/// The status, and the length of head and body together, once the head is whole.
fn head(response: &[u8]) -> Result<Option<(u16, usize)>> {
    let Some(head_end) = memchr::memmem::find(response, b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&response[..head_end]).context("the head is not text")?;
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.with_context(|| format!("no status: {line}"))?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("no Content-Length")?
        .1;
    let body: usize = length.trim().parse().context("a malformed Content-Length")?;
    Ok(Some((status, (head_end + 4).saturating_add(body))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn a_response_in_pieces_is_read_whole() {
        for split in 0..BUILT_IN.len() {
            let (first, second) = BUILT_IN.split_at(split);
            assert_eq!(read_one(&mut first.chain(second)).unwrap(), BUILT_IN, "split at {split}");
        }
    }

    #[test]
    fn what_cannot_be_repeated_is_refused() {
        for (response, why) in [
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "not a 200"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "no Content-Length"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", "more bytes"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", "closed after 41 bytes"),
        ] {
            let error = format!("{:#}", read_one(&mut response.as_bytes()).unwrap_err());
            assert!(error.contains(why), "{response:?} gave {error:?}");
        }
    }
}
