//! A response as a test sees it: collected, whatever way it would have been sent.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::response::{Response, ResponseBody};
use super::upgrade::Upgraded;

/// A whole response; see [`TestClient`](super::TestClient).
///
/// Iterators and writers have been run to their end, and an upgraded connection until its closure came back:
/// what it wrote is the body.
#[derive(Debug)]
pub struct TestResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    body_error: Option<io::Error>,
}

impl TestResponse {
    /// `leftover` came behind the request. The body is made, if only to see it fail, and dropped unless
    /// `body_is_sent`.
    pub(crate) fn collect(mut response: Response, leftover: &[u8], body_is_sent: bool) -> Self {
        let headers = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        let promised = response.body_length();
        let collected = collect_body(response.body, leftover, &mut body);
        let body_error = collected.and_then(|()| check_length(promised, body.len())).err();
        if !body_is_sent {
            body.clear();
        }
        Self { status: response.status, headers, body, body_error }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The header fields that the handler gave; those of the connection (`Date`, `Content-Length`) are not
    /// made.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The first header field of this name, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as text; what is not UTF-8 shows as U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, from JSON.
    ///
    /// # Errors
    /// If it is not JSON, or does not fit `T`.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.body)
    }

    /// The error with which a streamed body ended, if it did; a server then closes the connection.
    pub fn body_error(&self) -> Option<&io::Error> {
        self.body_error.as_ref()
    }
}

fn check_length(promised: Option<u64>, length: usize) -> io::Result<()> {
    match promised {
        Some(promised) if promised != length as u64 => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the body is not as long as its response said"))
        }
        _ => Ok(()),
    }
}

fn collect_body(body: ResponseBody, leftover: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    match body {
        ResponseBody::Empty => Ok(()),
        ResponseBody::Static(bytes) => out.write_all(bytes),
        ResponseBody::Bytes(bytes) => out.write_all(&bytes),
        ResponseBody::Owned(bytes) => out.write_all(&bytes),
        ResponseBody::Chunks { mut chunks, .. } => chunks.try_for_each(|chunk| out.write_all(&chunk?)),
        ResponseBody::Writer { write, .. } => write(out),
        ResponseBody::Upgrade { run } => {
            let written = Written::default();
            run(Upgraded::new(Box::new(written.clone()), leftover.to_vec()));
            out.append(&mut written.lock());
            Ok(())
        }
    }
}

/// A connection whose peer sends no more and takes everything.
#[derive(Default, Clone)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for Written {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
