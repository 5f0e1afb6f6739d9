//! Response heads and chunks, written.
//!
//! The fields that frame the message and govern the connection are this module's alone: a handler cannot write two
//! lengths, or a length that is not the body's. Field names and values come as types of the `http` crate, which hold
//! no CR, LF or NUL by construction, so nothing a handler copies into a field can end it (header injection).

mod chunk;
mod encode;
mod plain;

pub use chunk::{CHUNK_END, LAST_CHUNK, encode_chunk, encode_chunk_head};
pub use plain::PlainHead;

use crate::{DateField, Head, Version};
use http::{HeaderValue, StatusCode};

/// The interim answer that invites a body (RFC 9110 section 15.2.1).
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// How the response's body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResponseFraming {
    /// `Content-Length`, and this many bytes.
    Length(u64),
    /// `Transfer-Encoding: chunked`; see [`encode_chunk`] and [`LAST_CHUNK`].
    Chunked,
    /// Bytes up to the end of the connection, for a streamed body to an HTTP/1.0 peer.
    UntilClose,
    /// No body and no field about one: 1xx, 204, 304, and a 2xx to CONNECT (RFC 9112 section 6.3).
    NoBody,
}

/// Whether the connection serves another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Persistence {
    /// It stays open.
    KeepAlive,
    /// It closes after this response.
    Close,
}

/// The status line and the fields that frame a response.
///
/// See the [crate's example](crate#example).
#[derive(Debug, Clone)]
pub struct ResponseHead<'a> {
    /// The version of the request. The answer always says HTTP/1.1, the highest version spoken here (RFC 9110
    /// section 6.2), but an HTTP/1.0 peer is sent nothing that it cannot understand.
    pub version: Version,
    /// The status.
    pub status: StatusCode,
    /// The current second. `None` only where there is no clock (RFC 9110 section 6.6.1).
    pub date: Option<&'a DateField>,
    /// A fast lane for the one field nearly every answer has.
    pub content_type: Option<&'a HeaderValue>,
    /// How the body ends.
    pub framing: ResponseFraming,
    /// Whether the server would keep the connection.
    pub persistence: Persistence,
    /// Whether the request was HEAD: the framing fields are written as for GET, and no body follows.
    pub head_request: bool,
}

/// What was promised to the peer, and must now be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the body must be sent as the head says, and the connection closed if it says so"]
pub struct Encoded {
    /// How the body that follows ends; [`ResponseFraming::NoBody`] for HEAD, 1xx, 204 and 304, whatever was asked for.
    pub framing: ResponseFraming,
    /// Whether the connection stays open.
    pub persistence: Persistence,
}

impl Persistence {
    /// What the peer asks for.
    #[inline]
    pub fn of(head: &Head<'_>) -> Self {
        if head.keep_alive() { Persistence::KeepAlive } else { Persistence::Close }
    }
}
