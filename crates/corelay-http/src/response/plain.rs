//! The head of the plainest answer, most of it kept from one answer to the next.

use super::encode::{line, status_line};
use super::{Persistence, ResponseFraming, ResponseHead};
use crate::{DateField, Version};
use http::{HeaderValue, StatusCode};

/// Lengths from here on have five digits, and are for [`ResponseHead::encode`].
const LENGTH_MAX: usize = 9_999;

/// Renders heads that differ from the one before in nothing but the length of the body: one copy and a number, where
/// [`ResponseHead::encode`] goes line by line. The octets are the same.
///
/// ```
/// use corelay_http::PlainHead;
/// use http::{HeaderValue, StatusCode};
///
/// static TEXT: HeaderValue = HeaderValue::from_static("text/plain");
/// let (mut plain, mut output) = (PlainHead::new(784_111_777), Vec::new());
/// assert!(plain.append(StatusCode::OK, Some(&TEXT), 13, &mut output));
/// let head = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n\
///              Content-Length: 13\r\n\r\n";
/// assert_eq!(output, head);
/// ```
#[derive(Debug, Clone)]
pub struct PlainHead {
    date: DateField,
    status: StatusCode,
    content_type: Option<&'static HeaderValue>,
    /// Everything before the length. Empty: not rendered since the date changed, or not a plain status.
    start: Vec<u8>,
}

impl PlainHead {
    /// For answers at `unix_seconds` since 1970-01-01T00:00:00Z.
    pub fn new(unix_seconds: u64) -> Self {
        let date = DateField::new(unix_seconds);
        Self { date, status: StatusCode::OK, content_type: None, start: Vec::new() }
    }

    /// Shows `unix_seconds` from now on.
    pub fn update(&mut self, unix_seconds: u64) {
        self.date.update(unix_seconds);
        self.start.clear();
    }

    /// The date it shows.
    #[inline]
    pub fn date(&self) -> &DateField {
        &self.date
    }

    /// Whether `head` is one that [`PlainHead::append`] renders, save for what it is given: to a peer of HTTP/1.1, on a
    /// connection that goes on, with a body that follows.
    #[inline(always)]
    pub fn is_for(version: Version, persistence: Persistence, head_request: bool) -> bool {
        version == Version::Http11 && persistence == Persistence::KeepAlive && !head_request
    }

    /// Appends the head of an answer with a body of `length` octets and no fields but these. `false`, and nothing is
    /// appended: it takes [`ResponseHead::encode`].
    #[inline(always)]
    pub fn append(
        &mut self,
        status: StatusCode,
        content_type: Option<&'static HeaderValue>,
        length: usize,
        output: &mut Vec<u8>,
    ) -> bool {
        // Content types are told apart by where they stand: comparing what they say would cost more than it saves.
        let same_type = match (content_type, self.content_type) {
            (Some(wanted), Some(ours)) => std::ptr::eq(wanted, ours),
            (wanted, ours) => wanted.is_none() && ours.is_none(),
        };
        if (!same_type || status != self.status || self.start.is_empty())
            && !self.render(status, content_type)
        {
            return false;
        }
        if length > LENGTH_MAX {
            return false;
        }
        // The length and two CRLFs fit one word, which is written at once and cut to size: octets written one by one and
        // then copied as a whole would stall the processor on every answer.
        let (mut word, mut rest, mut octets) =
            (u64::from(u32::from_le_bytes(*b"\r\n\r\n")), length as u32, 4);
        loop {
            word = word << 8 | u64::from(b'0' + (rest % 10) as u8);
            rest /= 10;
            octets += 1;
            if rest == 0 {
                break;
            }
        }
        output.extend_from_slice(&self.start);
        output.extend_from_slice(&word.to_le_bytes());
        output.truncate(output.len() - (8 - octets));
        true
    }

    /// `false`: an answer of this status has no body.
    #[cold]
    #[inline(never)]
    fn render(&mut self, status: StatusCode, content_type: Option<&'static HeaderValue>) -> bool {
        (self.status, self.content_type) = (status, content_type);
        self.start.clear();
        if ResponseHead::framing_of_status(status) == Some(ResponseFraming::NoBody) {
            return false;
        }
        status_line(status, &mut self.start);
        self.start.extend_from_slice(self.date.as_bytes());
        if let Some(content_type) = content_type {
            line(b"Content-Type: ", content_type.as_bytes(), &mut self.start);
        }
        self.start.extend_from_slice(b"Content-Length: ");
        true
    }
}
