//! `/echo` and `/headers`: the request, sent back.

use bytes::Bytes;
use corelay::http::header::{self, HeaderValue};
use corelay::http::{Headers, Request, Response};

/// `ANY /echo`: the body of the request with its content type, whatever the method and the framing.
///
/// The body is gathered first: a peer that only sends must not be answered into a full socket. Its size is
/// bounded by `--max-buffered-body-bytes`.
pub(super) fn echo(headers: Headers, body: Bytes) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE).cloned();
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    // A browser must not guess: the body is the peer's, and a guess of HTML would run it.
    Response::new(body)
        .header(header::CONTENT_TYPE, content_type)
        .header(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
}

/// `GET /headers`: the header fields as `name: value` lines, in the order and the spelling they came in.
pub(super) fn headers(request: &mut Request<'_>) -> Response {
    let mut lines = Vec::with_capacity(512);
    for (name, value) in request.fields() {
        for part in [name.as_bytes(), b": ", value, b"\n"] {
            lines.extend_from_slice(part);
        }
    }
    // Values may hold any byte from 0x80 on (RFC 9110, section 5.5), so no charset is promised.
    Response::new(lines)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))
        .header(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
}
