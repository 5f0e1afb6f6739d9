//! `/upload` and `/bytes`: bodies of any size, in and out, in the same few kilobytes of memory.

use std::io::{self, Read};

use corelay::http::header::{self, HeaderValue};
use corelay::http::{Body, Path, Response};

/// How much of an upload is read at a time, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// `POST /upload`: the number of bytes in the body, counted as they arrive.
pub(super) fn upload(mut body: Body) -> io::Result<String> {
    let mut buffer = vec![0; READ_BYTES];
    let mut total = 0_u64;
    loop {
        match body.read(&mut buffer) {
            Ok(0) => return Ok(total.to_string()),
            Ok(read) => total += read as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// `GET /bytes/{n}`: n zero bytes, read from an endless source as the peer takes them.
pub(super) fn bytes(Path(length): Path<u64>) -> Response {
    Response::reader(io::repeat(0), Some(length))
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))
}
