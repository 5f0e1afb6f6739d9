//! HTTP/1.1 without I/O: bytes in, decisions out.
//!
//! This crate reads request heads, decodes message bodies and writes response heads by RFC 9110 and RFC 9112. It
//! owns no socket, no thread and no clock, so every rule in it is tested by feeding it bytes, and the same code
//! serves every engine above it.
//!
//! - [`RequestHead`] parses one head from a growing buffer and remembers where it stopped; [`Head`] is the borrowed
//!   view of the finished thing. It stores offsets, not slices: it has no lifetime, so one serving thread reuses one
//!   for every request and allocates nothing once its field table has grown to the size its clients need.
//! - [`BodyDecoder`] turns the bytes after the head into body bytes, for each kind of [`Framing`].
//! - [`ResponseHead`] writes the answer's head; [`encode_chunk`] and [`LAST_CHUNK`] frame a streamed body.
//!
//! # What strict means here
//!
//! A request with two possible readings is how one user's bytes end up in another user's request (request
//! smuggling), so it is refused, not repaired: bare LF, obs-fold, space before a colon, `Content-Length` beside
//! `Transfer-Encoding` and every other such case is an error with a status code ([`RequestError::status`]). Each
//! error closes the connection.
//!
//! The outcome depends on the bytes alone, never on how they were split into segments, and a byte that no
//! well-formed message can contain is refused as it arrives, not at the end of its line.
//!
//! # What is deliberately absent
//!
//! Percent-decoding (the router's), decompression (the application's), response parsing (no client here), and the
//! obsolete syntax of HTTP/0.9 and RFC 2616.
//!
//! # Example
//!
//! ```
//! use corelay_http::{DateField, Encoded, Limits, Parsed, Persistence, RequestHead, ResponseFraming, ResponseHead};
//!
//! let input = b"GET /plaintext?x=1 HTTP/1.1\r\nHost: example.com\r\n\r\n";
//! let mut request = RequestHead::new();
//! assert_eq!(request.parse(&input[..20], &Limits::default())?, Parsed::Partial);
//! assert_eq!(request.parse(input, &Limits::default())?, Parsed::Complete { head_len: input.len() });
//! let head = request.view(input);
//! assert_eq!((head.path(), head.query(), head.host()), ("/plaintext", Some("x=1"), Some("example.com")));
//!
//! let date = DateField::new(784_111_777);
//! let response = ResponseHead {
//!     version: head.version(),
//!     status: http::StatusCode::OK,
//!     date: Some(&date),
//!     content_type: None,
//!     framing: ResponseFraming::Length(13),
//!     persistence: Persistence::of(&head),
//!     head_request: false,
//! };
//! let mut output = Vec::new();
//! let encoded = response.encode([], &mut output);
//! assert_eq!(encoded, Encoded { framing: ResponseFraming::Length(13), persistence: Persistence::KeepAlive });
//! assert_eq!(output, b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 13\r\n\r\n");
//! # Ok::<(), corelay_http::RequestError>(())
//! ```

#![forbid(unsafe_code)]

mod body;
mod date;
mod error;
mod limits;
mod method;
mod octets;
mod request;
mod response;

pub use body::{BodyDecoder, Decoded, Framing};
pub use date::DateField;
pub use error::{BodyError, BodyErrorKind, RequestError, RequestErrorKind};
pub use limits::Limits;
pub use method::Method;
pub use request::{Field, Fields, Head, Parsed, RequestHead, TargetForm, Version};
pub use response::{
    CHUNK_END, CONTINUE, Encoded, LAST_CHUNK, Persistence, PlainHead, ResponseFraming, ResponseHead,
    encode_chunk, encode_chunk_head,
};
