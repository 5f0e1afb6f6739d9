//! The finished head, borrowed.

use super::{FieldSpan, RequestHead, TargetForm, Version};
use crate::{Framing, Method};
use std::fmt;

/// A parsed request head over the bytes it was parsed from. Three words and `Copy`.
///
/// ```
/// use corelay_http::{Framing, Limits, RequestHead};
/// let input = b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
/// let mut request = RequestHead::new();
/// request.parse(input, &Limits::default())?;
/// let head = request.view(input);
/// assert_eq!(head.framing(), Framing::Length(3));
/// assert!(head.expects_continue() && head.keep_alive());
/// assert_eq!(head.field("content-length"), Some(&b"3"[..]));
/// # Ok::<(), corelay_http::RequestError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Head<'a> {
    head: &'a RequestHead,
    input: &'a [u8],
}

/// One header field line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name as received; compare it with `eq_ignore_ascii_case`.
    pub name: &'a str,
    /// The value without the white space around it. It may hold any octets from 0x80 up, not only UTF-8.
    pub value: &'a [u8],
}

/// The field lines of a head in the order received.
#[derive(Clone)]
pub struct Fields<'a> {
    spans: std::slice::Iter<'a, FieldSpan>,
    input: &'a [u8],
}

impl<'a> Head<'a> {
    #[inline(always)]
    pub(super) fn new(head: &'a RequestHead, input: &'a [u8]) -> Self {
        Self { head, input }
    }

    /// The method.
    #[inline]
    pub fn method(self) -> Method<'a> {
        let line = &self.head.line;
        line.kind.method(|| line.method.text_of(self.input))
    }

    /// Whether the method is CONNECT: the application opens a tunnel or refuses.
    #[inline]
    pub fn is_connect(self) -> bool {
        self.target_form() == TargetForm::Authority
    }

    /// The target as received. Visible ASCII without `#`, `<` and `>`; percent-encoding is neither decoded nor checked.
    #[inline]
    pub fn target(self) -> &'a str {
        self.head.line.target.text_of(self.input)
    }

    /// Which of the four forms the target has.
    #[inline]
    pub fn target_form(self) -> TargetForm {
        self.head.line.form
    }

    /// The path of an origin or absolute target, still percent-encoded and with its dot segments; `/` where an
    /// absolute target has none, `*` for the asterisk form, empty for CONNECT.
    #[inline]
    pub fn path(self) -> &'a str {
        let path = self.head.line.path.text_of(self.input);
        if path.is_empty() && self.target_form() == TargetForm::Absolute { "/" } else { path }
    }

    /// [`Head::path`] as bytes: what a router compares, at no cost.
    #[inline]
    pub fn path_bytes(self) -> &'a [u8] {
        let path = self.head.line.path.of(self.input);
        if path.is_empty() && self.target_form() == TargetForm::Absolute { b"/" } else { path }
    }

    /// What follows the first `?` of the target, still percent-encoded.
    #[inline]
    pub fn query(self) -> Option<&'a str> {
        let line = &self.head.line;
        if line.path.end >= line.target.end {
            return None;
        }
        Some(super::Span { start: line.path.end + 1, end: line.target.end }.text_of(self.input))
    }

    /// The host and port the request is for: of the target where it has one, else of the Host field (RFC 9112
    /// section 3.2.2). `None` in HTTP/1.0 without Host.
    #[inline]
    pub fn host(self) -> Option<&'a str> {
        match self.target_form() {
            TargetForm::Absolute | TargetForm::Authority => {
                Some(self.head.line.authority.text_of(self.input))
            }
            TargetForm::Origin | TargetForm::Asterisk => {
                self.head.meaning.host.map(|host| host.text_of(self.input))
            }
        }
    }

    /// The version the peer speaks.
    #[inline]
    pub fn version(self) -> Version {
        self.head.line.version
    }

    /// All field lines.
    #[inline]
    pub fn fields(self) -> Fields<'a> {
        Fields { spans: self.head.fields.iter(), input: self.input }
    }

    /// The value of the first field called `name`, upper and lower case being the same.
    #[inline]
    pub fn field(self, name: &str) -> Option<&'a [u8]> {
        let mut spans = self.head.fields.iter();
        spans
            .find(|span| span.name.of(self.input).eq_ignore_ascii_case(name.as_bytes()))
            .map(|span| span.value.of(self.input))
    }

    /// The values of the first field of each of these names, as [`Head::field`] finds them, in one pass over the fields.
    ///
    /// ```
    /// use corelay_http::{Limits, RequestHead};
    /// let input = b"GET / HTTP/1.1\r\nHost: a\r\nACCEPT: text/html\r\nAccept: */*\r\n\r\n";
    /// let mut request = RequestHead::new();
    /// request.parse(input, &Limits::default())?;
    /// assert_eq!(request.view(input).fields_named(["range", "accept"]), [None, Some(&b"text/html"[..])]);
    /// # Ok::<(), corelay_http::RequestError>(())
    /// ```
    #[inline]
    pub fn fields_named<const COUNT: usize>(self, names: [&str; COUNT]) -> [Option<&'a [u8]>; COUNT] {
        let mut found = [None; COUNT];
        for span in &self.head.fields {
            let name = span.name.of(self.input);
            let place = names.iter().position(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()));
            if let Some(value) = place.and_then(|place| found.get_mut(place)) {
                value.get_or_insert_with(|| span.value.of(self.input));
            }
        }
        found
    }

    /// How the body ends, for a [`BodyDecoder`](crate::BodyDecoder).
    #[inline]
    pub fn framing(self) -> Framing {
        self.head.meaning.framing()
    }

    /// Whether the peer would use the connection again (RFC 9112 section 9.3): HTTP/1.1 unless it says `close`,
    /// HTTP/1.0 only if it says `keep-alive` and not `close`.
    #[inline]
    pub fn keep_alive(self) -> bool {
        let meaning = &self.head.meaning;
        !meaning.connection_close && (self.version() == Version::Http11 || meaning.connection_keep_alive)
    }

    /// Whether the peer waits for [`CONTINUE`](crate::CONTINUE) before it sends a body. Never in HTTP/1.0, and not
    /// where there is no body to wait for (RFC 9110 section 10.1.1).
    #[inline]
    pub fn expects_continue(self) -> bool {
        self.head.meaning.expects_continue && !matches!(self.framing(), Framing::None | Framing::Length(0))
    }

    /// The value of the first Upgrade field, if Connection lists it; ignored in HTTP/1.0 (RFC 9110 section 7.8).
    #[inline]
    pub fn upgrade(self) -> Option<&'a [u8]> {
        let meaning = &self.head.meaning;
        let wanted = meaning.connection_upgrade && self.version() == Version::Http11;
        meaning.upgrade.filter(|_| wanted).map(|upgrade| upgrade.of(self.input))
    }
}

impl fmt::Debug for Head<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Head")
            .field("method", &self.method())
            .field("target", &self.target())
            .field("version", &self.version())
            .field("fields", &self.fields())
            .finish()
    }
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.clone()).finish()
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.name, self.value.escape_ascii())
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let span = self.spans.next()?;
        Some(Field { name: span.name.text_of(self.input), value: span.value.of(self.input) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl ExactSizeIterator for Fields<'_> {}
