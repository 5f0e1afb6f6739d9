//! One request head, parsed from a buffer that grows.
//!
//! The parser walks these states from left to right and never back; each records where its element begins and how
//! far it has been looked at, so a head that comes a byte at a time costs in proportion to its length, not its square:
//!
//! ```text
//! EmptyLines ──▶ RequestLine ──▶ FieldName ──▶ FieldValue
//!                                 │   ▲            │
//!                                 ▼   └────────────┘
//!                              Complete
//! ```
//!
//! Offsets are 32 bits wide and relative to the head's first byte: the caller may move its buffer between two calls,
//! and one `RequestHead` serves any number of connections one after another.
//!
//! # When an error is reported
//!
//! A byte that cannot stand where it stands is reported as soon as it is there (a TLS ClientHello on a plain port is
//! refused by its first byte), a limit as soon as it is passed. What only a whole element can tell is reported with
//! the element's last byte: the form of an absolute or authority target at the space after it, the meaning of a
//! known field at the LF of its line, a missing Host at the end of the head. The first error in this order is *the*
//! error of the input, however it was split.

mod fields;
mod host;
mod line;
mod meaning;
mod target;
mod view;

pub use line::Version;
pub use target::TargetForm;
pub use view::{Field, Fields, Head};

use ascii::AsciiStr;

use crate::{Limits, RequestError, RequestErrorKind};
use line::{MethodKind, RequestLine};
use meaning::Meaning;

/// What the bytes so far amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// The head is complete; the body, if there is one, begins at `head_len`.
    Complete {
        /// Bytes from the start of the input to the end of the head, the empty line included.
        head_len: usize,
    },
    /// So far so good: call again with the same bytes and more after them.
    Partial,
}

/// Storage and progress of one request head, reusable for the next.
///
/// ```
/// use corelay_http::{Limits, Parsed, RequestHead};
/// let input = b"HEAD / HTTP/1.0\r\n\r\n";
/// let (mut head, limits) = (RequestHead::new(), Limits::default());
/// for end in 0..input.len() {
///     assert_eq!(head.parse(&input[..end], &limits)?, Parsed::Partial);
/// }
/// assert_eq!(head.parse(input, &limits)?, Parsed::Complete { head_len: 19 });
/// assert!(!head.view(input).keep_alive());
/// head.clear(); // and on to the next request
/// # Ok::<(), corelay_http::RequestError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct RequestHead {
    stage: Stage,
    /// Where the element that `stage` names begins; after the last one, the length of the head.
    position: u32,
    /// Everything before this offset has been looked at and found valid for its element.
    scanned: u32,
    /// In `FieldValue`: where the colon stands.
    colon: u32,
    line: RequestLine,
    meaning: Meaning,
    fields: Vec<FieldSpan>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    EmptyLines,
    RequestLine,
    FieldName,
    FieldValue,
    Complete,
}

/// Half-open range of offsets into the input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
struct FieldSpan {
    name: Span,
    value: Span,
}

impl RequestHead {
    /// An empty head. Allocates nothing until the first field arrives.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the head and keeps its storage. To be called between two requests, and after an error.
    #[inline]
    pub fn clear(&mut self) {
        self.stage = Stage::EmptyLines;
        self.position = 0;
        self.scanned = 0;
        self.line = RequestLine::default();
        self.meaning = Meaning::default();
        self.fields.clear();
    }

    /// Itself, [cleared](Self::clear) first if it is done with another head.
    #[inline]
    pub fn restart(&mut self, done: bool) -> &mut Self {
        if done {
            self.clear();
        }
        self
    }

    /// Parses on from where the last call stopped.
    ///
    /// `input` is everything received of this message so far, from its first byte: after [`Parsed::Partial`] the same
    /// bytes must come again with more after them. Once complete, it stays complete until [`RequestHead::clear`].
    ///
    /// # Errors
    /// The first rule of RFC 9110 or RFC 9112, or the first of `limits`, that the bytes break. The connection must
    /// close after the answer.
    #[inline]
    pub fn parse(&mut self, input: &[u8], limits: &Limits) -> Result<Parsed, RequestError> {
        let head_bytes = limits.head_bytes.min(u32::MAX as usize);
        let window = if input.len() > head_bytes { &input[..head_bytes] } else { input };
        if self.stage <= Stage::RequestLine && !self.parse_request_line(window, limits)? {
            return self.partial(window.len() >= head_bytes);
        }
        if self.stage != Stage::Complete && !self.parse_fields(window, limits)? {
            return self.partial(window.len() >= head_bytes);
        }
        Ok(Parsed::Complete { head_len: self.position as usize })
    }

    /// The finished head over the bytes it was parsed from. Before [`Parsed::Complete`], or over other bytes, what it
    /// shows is meaningless (but it does not panic).
    #[inline]
    pub fn view<'a>(&'a self, input: &'a [u8]) -> Head<'a> {
        Head::new(self, input)
    }

    /// Whether it is a HEAD, as far as it has been parsed: then its refusal has no content either (RFC 9110 section 9.3.2).
    ///
    /// ```
    /// use corelay_http::{Limits, RequestHead};
    /// let mut head = RequestHead::new();
    /// assert!(head.parse(b"HEAD / HTTP/9.9\r\n", &Limits::default()).is_err());
    /// assert!(head.is_of_head_request());
    /// ```
    #[inline]
    pub fn is_of_head_request(&self) -> bool {
        self.line.kind == MethodKind::Head
    }

    #[cold]
    fn partial(&self, limit_reached: bool) -> Result<Parsed, RequestError> {
        match (limit_reached, self.stage) {
            (false, _) => Ok(Parsed::Partial),
            (true, Stage::EmptyLines | Stage::RequestLine) => Err(RequestErrorKind::TargetTooLong.into()),
            (true, _) => Err(RequestErrorKind::HeadTooLarge.into()),
        }
    }
}

impl Span {
    #[inline(always)]
    fn new(start: usize, end: usize) -> Self {
        // The input was cut to u32::MAX bytes before anything was parsed.
        Self { start: start as u32, end: end as u32 }
    }

    #[inline(always)]
    fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// The span and all that follows it.
    #[inline(always)]
    fn onwards(self, input: &[u8]) -> &[u8] {
        input.get(self.start as usize..).unwrap_or_default()
    }

    #[inline(always)]
    fn of(self, input: &[u8]) -> &[u8] {
        input.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The text of a span whose bytes the parser has found to be ASCII. `ascii` checks that in a third of the time
    /// that `str::from_utf8` takes on spans as short as these.
    #[inline(always)]
    fn text_of(self, input: &[u8]) -> &str {
        AsciiStr::from_ascii(self.of(input)).map(AsciiStr::as_str).unwrap_or_default()
    }
}

impl From<RequestErrorKind> for RequestError {
    fn from(kind: RequestErrorKind) -> Self {
        RequestError::new(kind)
    }
}
