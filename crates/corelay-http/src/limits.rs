//! How much of a peer's input one message may be.
//!
//! Every bound the parser and the body decoder enforce is named here with its default, and none can be bypassed by
//! splitting the input. Time limits are not here: this crate has no clock. Nor is the length of a method, which is at most
//! 32 bytes: that is syntax, telling a method from noise, and no server needs another figure.

/// The bounds on one request, in bytes unless the name says otherwise.
///
/// ```
/// use corelay_http::{Limits, RequestHead};
/// let limits = Limits { target_bytes: 8, ..Limits::default() };
/// let error = RequestHead::new().parse(b"GET /much-too-long", &limits).unwrap_err();
/// assert_eq!(error.status(), 414);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The whole head: empty lines before it, request line, fields and the empty line that ends it. Past it: 414
    /// while still in the request line, else 431. Default 16 KiB; values above 4 GiB − 1 count as that.
    pub head_bytes: usize,
    /// The request target. Past it: 414 (RFC 9110 section 15.5.15). Default 8 KiB (RFC 9112 section 3 asks for at
    /// least 8,000 octets of request line).
    pub target_bytes: usize,
    /// Header field lines. Past it: 431 (RFC 6585 section 5). Default 100.
    pub fields: usize,
    /// Empty lines skipped before a request line (RFC 9112 section 2.2). Past it: 400. Default 4.
    pub empty_lines: usize,
    /// One chunk-size line without its CRLF: the hexadecimal size and its extensions. Past it: 400. Default 256.
    pub chunk_line_bytes: usize,
    /// All chunk extensions of one body together (RFC 9112 section 7.1.1). Past it: 400. Default 16 KiB.
    pub chunk_extension_bytes_total: usize,
    /// The whole trailer section without its last empty line. Past it: 431. Default 8 KiB.
    pub trailer_bytes: usize,
    /// Trailer field lines. Past it: 431. Default 32.
    pub trailers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 16 * 1024,
            target_bytes: 8 * 1024,
            fields: 100,
            empty_lines: 4,
            chunk_line_bytes: 256,
            chunk_extension_bytes_total: 16 * 1024,
            trailer_bytes: 8 * 1024,
            trailers: 32,
        }
    }
}
