//! Why a message was refused, and with which status code.
//!
//! Every variant is the peer's doing: the caller of this crate cannot misuse it into one of these. After any of them
//! the end of the message is unknown, so the connection closes once the answer is sent.

use http::StatusCode;
use std::fmt;

/// A request head that was refused. The connection must close after the answer (RFC 9112 section 9.6).
///
/// ```
/// use corelay_http::{Limits, RequestErrorKind, RequestHead};
/// let error = RequestHead::new().parse(b"GET / HTTP/2.0\r\n", &Limits::default()).unwrap_err();
/// assert_eq!(error.kind(), RequestErrorKind::VersionUnsupported);
/// assert_eq!(error.status(), http::StatusCode::HTTP_VERSION_NOT_SUPPORTED);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestError {
    kind: RequestErrorKind,
}

/// What the peer did wrong in a request head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestErrorKind {
    /// More empty lines before the request line than [`Limits::empty_lines`](crate::Limits::empty_lines).
    TooManyEmptyLines,
    /// A method that is not a token (RFC 9110 section 5.6.2), is empty, or is longer than 32 bytes.
    MethodMalformed,
    /// A target with a forbidden byte, or one that is none of the four forms (RFC 9112 section 3.2).
    TargetMalformed,
    /// `*` without OPTIONS, or CONNECT with anything but `host:port` (RFC 9112 sections 3.2.3 and 3.2.4).
    TargetFormForbidden,
    /// A target longer than [`Limits::target_bytes`](crate::Limits::target_bytes).
    TargetTooLong,
    /// Anything but `HTTP/` DIGIT `.` DIGIT CRLF after the target (RFC 9112 section 2.3); HTTP/0.9 too.
    VersionMalformed,
    /// A well-formed version of a major number other than 1 (RFC 9110 section 2.5).
    VersionUnsupported,
    /// CR without LF or LF without CR (RFC 9112 section 2.2).
    LineEndMalformed,
    /// An empty field name, or one that is not a token (RFC 9110 section 5.1).
    FieldNameMalformed,
    /// White space between a field name and its colon (RFC 9112 section 5.1).
    FieldNameSpace,
    /// A line that starts with white space: obs-fold (RFC 9112 section 5.2).
    FieldFolded,
    /// A control character in a field value (RFC 9110 section 5.5).
    FieldValueMalformed,
    /// More field lines than [`Limits::fields`](crate::Limits::fields).
    TooManyFields,
    /// A head longer than [`Limits::head_bytes`](crate::Limits::head_bytes).
    HeadTooLarge,
    /// An HTTP/1.1 request without Host (RFC 9112 section 3.2).
    HostMissing,
    /// More than one Host (RFC 9112 section 3.2).
    HostRepeated,
    /// A Host or authority that is not `host[:port]` (RFC 9110 section 7.2, RFC 3986 section 3.2); an empty one too (RFC 9110
    /// section 4.2.1).
    HostMalformed,
    /// A Content-Length that is not digits, is too long for 64 bits, or is a list (RFC 9110
    /// section 8.6).
    ContentLengthMalformed,
    /// More than one Content-Length, equal ones too (RFC 9112 section 6.3).
    ContentLengthRepeated,
    /// A Transfer-Encoding that does not end in one bare `chunked` (RFC 9112 sections 6.1 and 6.3).
    TransferEncodingMalformed,
    /// A coding other than `chunked` (RFC 9112 section 6.1).
    TransferEncodingUnknown,
    /// Transfer-Encoding in an HTTP/1.0 request (RFC 9112 section 6.1).
    TransferEncodingInHttp10,
    /// Both Content-Length and Transfer-Encoding (RFC 9112 section 6.3).
    LengthBesideTransferEncoding,
    /// An expectation other than `100-continue` (RFC 9110 section 10.1.1).
    ExpectationUnknown,
}

impl RequestError {
    #[cold]
    pub(crate) const fn new(kind: RequestErrorKind) -> Self {
        Self { kind }
    }

    /// What was wrong.
    pub const fn kind(self) -> RequestErrorKind {
        self.kind
    }

    /// The status code to answer with.
    pub const fn status(self) -> StatusCode {
        use RequestErrorKind as Kind;
        match self.kind {
            Kind::TargetTooLong => StatusCode::URI_TOO_LONG,
            Kind::TooManyFields | Kind::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Kind::VersionUnsupported => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Kind::TransferEncodingUnknown => StatusCode::NOT_IMPLEMENTED,
            Kind::ExpectationUnknown => StatusCode::EXPECTATION_FAILED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// One sentence for the peer: what it sent and what would be accepted.
    pub const fn reason(self) -> &'static str {
        use RequestErrorKind as Kind;
        match self.kind {
            Kind::TooManyEmptyLines => "the peer sent too many empty lines before the request line",
            Kind::MethodMalformed => "the peer sent a method that is not a short token",
            Kind::TargetMalformed => {
                "the peer sent a malformed request target; percent-encode what is not a URI character"
            }
            Kind::TargetFormForbidden => "the peer sent a target of a form its method does not allow",
            Kind::TargetTooLong => "the peer sent a request target longer than the limit",
            Kind::VersionMalformed => {
                "the peer sent a request line that does not end in HTTP/1.1 or HTTP/1.0"
            }
            Kind::VersionUnsupported => "the peer speaks a major version other than HTTP/1",
            Kind::LineEndMalformed => "the peer ended a line with something else than CR LF",
            Kind::FieldNameMalformed => "the peer sent a field name that is not a token",
            Kind::FieldNameSpace => "the peer sent white space before a field's colon",
            Kind::FieldFolded => "the peer folded a field over two lines; send it on one",
            Kind::FieldValueMalformed => "the peer sent a control character in a field value",
            Kind::TooManyFields => "the peer sent more header fields than the limit",
            Kind::HeadTooLarge => "the peer sent a request head larger than the limit",
            Kind::HostMissing => "the peer sent no Host field, which HTTP/1.1 requires",
            Kind::HostRepeated => "the peer sent more than one Host field",
            Kind::HostMalformed => "the peer sent a host that is not host[:port]",
            Kind::ContentLengthMalformed => "the peer sent a Content-Length that is not one decimal number",
            Kind::ContentLengthRepeated => "the peer sent more than one Content-Length",
            Kind::TransferEncodingMalformed => {
                "the peer sent a Transfer-Encoding that is not exactly: chunked"
            }
            Kind::TransferEncodingUnknown => "the peer used a transfer coding other than chunked",
            Kind::TransferEncodingInHttp10 => "the peer sent Transfer-Encoding in an HTTP/1.0 request",
            Kind::LengthBesideTransferEncoding => "the peer sent both Content-Length and Transfer-Encoding",
            Kind::ExpectationUnknown => "the peer expects something else than 100-continue",
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason())
    }
}

impl std::error::Error for RequestError {}

/// A body that was refused. The connection must close after the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyError {
    kind: BodyErrorKind,
}

/// What the peer did wrong in a chunked body (RFC 9112 section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyErrorKind {
    /// A chunk size that is not hexadecimal digits, or is empty.
    ChunkSizeMalformed,
    /// A chunk size of more than 16 hexadecimal digits, or of 2^63 and more.
    ChunkSizeTooLong,
    /// A chunk-size line longer than [`Limits::chunk_line_bytes`](crate::Limits::chunk_line_bytes).
    ChunkLineTooLong,
    /// A chunk extension that is not `;name`, `;name=token` or `;name="quoted"`, or white space that none follows.
    ChunkExtensionMalformed,
    /// More extension bytes than
    /// [`Limits::chunk_extension_bytes_total`](crate::Limits::chunk_extension_bytes_total).
    ChunkExtensionsTooLarge,
    /// Chunk data that CRLF does not follow.
    ChunkEndMalformed,
    /// CR without LF or LF without CR in a chunk-size line or in a trailer.
    LineEndMalformed,
    /// A trailer line that is no field line.
    TrailerMalformed,
    /// More trailer fields than [`Limits::trailers`](crate::Limits::trailers).
    TooManyTrailers,
    /// A trailer section longer than [`Limits::trailer_bytes`](crate::Limits::trailer_bytes).
    TrailersTooLarge,
}

impl BodyError {
    #[cold]
    pub(crate) const fn new(kind: BodyErrorKind) -> Self {
        Self { kind }
    }

    /// What was wrong.
    pub const fn kind(self) -> BodyErrorKind {
        self.kind
    }

    /// The status code to answer with, if no answer has been started.
    pub const fn status(self) -> StatusCode {
        match self.kind {
            BodyErrorKind::TooManyTrailers | BodyErrorKind::TrailersTooLarge => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// One sentence for the peer: what it sent and what would be accepted.
    pub const fn reason(self) -> &'static str {
        use BodyErrorKind as Kind;
        match self.kind {
            Kind::ChunkSizeMalformed => "the peer sent a chunk size that is not hexadecimal",
            Kind::ChunkSizeTooLong => "the peer sent a chunk size of more than 63 bits or 16 digits",
            Kind::ChunkLineTooLong => "the peer sent a chunk-size line longer than the limit",
            Kind::ChunkExtensionMalformed => "the peer sent a malformed chunk extension",
            Kind::ChunkExtensionsTooLarge => "the peer sent more chunk extensions than the limit",
            Kind::ChunkEndMalformed => "the peer sent a chunk that does not end where its size says",
            Kind::LineEndMalformed => "the peer ended a line with something else than CR LF",
            Kind::TrailerMalformed => "the peer sent a trailer that is not a field line",
            Kind::TooManyTrailers => "the peer sent more trailer fields than the limit",
            Kind::TrailersTooLarge => "the peer sent a trailer section larger than the limit",
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason())
    }
}

impl std::error::Error for BodyError {}
