//! `/upload` and `/bytes`: bodies of any size, in and out, in the same few kilobytes of memory.

use std::io::{self, Read};

use bytes::Bytes;
use corelay::http::header::{self, HeaderValue};
use corelay::http::{Body, Path, Response};

/// How much of an upload is read at a time, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// What `/bytes` sends, over and over.
static CHUNK: [u8; 64 * 1024] = [0; 64 * 1024];

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

/// `GET /bytes/{n}`: n zero bytes, with their number told in advance. Each chunk is the same static memory,
/// so nothing is copied before the socket takes it.
pub(super) fn bytes(Path(length): Path<u64>) -> Response {
    Response::sized_chunks(length, chunks(length))
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))
}

fn chunks(length: u64) -> impl Iterator<Item = io::Result<Bytes>> + Send {
    let mut left = length;
    std::iter::from_fn(move || {
        // At most the length of CHUNK, so it fits.
        let next = left.min(CHUNK.len() as u64) as usize;
        left -= next as u64;
        (next > 0).then(|| Ok(Bytes::from_static(&CHUNK[..next])))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_add_up_to_the_length_and_end() {
        for length in [0, 1, 65_535, 65_536, 65_537, 1_000_000] {
            let total: usize = chunks(length).map(|chunk| chunk.map_or(0, |bytes| bytes.len())).sum();
            assert_eq!(total as u64, length);
        }
        assert!(chunks(u64::MAX).take(3).all(|chunk| chunk.is_ok_and(|bytes| bytes.len() == CHUNK.len())));
    }
}
