//! The request line: method, target, version (RFC 9112 section 3).

use super::target::{self, TargetForm};
use super::{RequestHead, Span, Stage};
use crate::octets::{Path, Target, is_token, span_end};
use crate::{Limits, Method, RequestError, RequestErrorKind};

/// Longer than any method in the IANA registry, and short enough to tell a method from noise.
pub(super) const METHOD_BYTES_MAX: usize = 32;

/// The protocol version of a message; a higher minor version is taken as 1.1 (RFC 9110 section 2.5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
}

/// A method without its text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum MethodKind {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Delete,
    Options,
    Trace,
    Connect,
    Patch,
    Extension,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RequestLine {
    pub(super) method: Span,
    pub(super) target: Span,
    /// The target without its query, then without scheme and authority too. Its end is 0 until it is known.
    pub(super) path: Span,
    /// Of an absolute or authority target, else empty.
    pub(super) authority: Span,
    pub(super) kind: MethodKind,
    pub(super) form: TargetForm,
    pub(super) version: Version,
}

impl RequestHead {
    /// Parses up to the CRLF of the request line; false if it is not all there.
    #[inline(always)]
    pub(super) fn parse_request_line(
        &mut self,
        window: &[u8],
        limits: &Limits,
    ) -> Result<bool, RequestError> {
        if self.stage == Stage::EmptyLines && !self.skip_empty_lines(window, limits)? {
            return Ok(false);
        }
        let start = self.position as usize;
        let Some((kind, method_end)) = method(window, start)? else { return Ok(false) };
        self.line.kind = kind;
        self.line.method = Span::new(start, method_end);
        let Some(target_end) = self.parse_target(window, method_end + 1, limits)? else { return Ok(false) };
        let Some(version) = version(window, target_end + 1)? else { return Ok(false) };
        if self.line.form == TargetForm::Asterisk && kind != MethodKind::Options {
            return Err(RequestErrorKind::TargetFormForbidden.into());
        }
        self.line.version = version;
        self.position = (target_end + 1 + VERSION_LINE_BYTES) as u32;
        self.stage = Stage::FieldName;
        Ok(true)
    }

    /// Skips CRLFs before the request line (RFC 9112 section 2.2).
    #[inline(always)]
    fn skip_empty_lines(&mut self, window: &[u8], limits: &Limits) -> Result<bool, RequestError> {
        loop {
            let at = self.position as usize;
            match window.get(at) {
                None => return Ok(false),
                Some(b'\r') if at / 2 >= limits.empty_lines => {
                    return Err(RequestErrorKind::TooManyEmptyLines.into());
                }
                Some(b'\r') => match window.get(at + 1) {
                    None => return Ok(false),
                    Some(b'\n') => self.position += 2,
                    Some(_) => return Err(RequestErrorKind::LineEndMalformed.into()),
                },
                Some(b'\n') => return Err(RequestErrorKind::LineEndMalformed.into()),
                Some(_) => break,
            }
        }
        self.stage = Stage::RequestLine;
        Ok(true)
    }

    /// The offset of the space after the target, or `None` if it is not there yet.
    #[inline(always)]
    fn parse_target(
        &mut self,
        window: &[u8],
        start: usize,
        limits: &Limits,
    ) -> Result<Option<usize>, RequestError> {
        let Some(&first) = window.get(start) else { return Ok(None) };
        self.line.form = target::form(self.line.kind, first)?;
        let mut end = start.max(self.scanned as usize);
        if self.line.path.end == 0 {
            end = span_end::<Path>(window, end);
            if window.get(end) == Some(&b'?') {
                self.line.path = Span::new(start, end);
            }
        }
        if self.line.path.end != 0 {
            end = span_end::<Target>(window, end);
        }
        if end - start > limits.target_bytes {
            return Err(RequestErrorKind::TargetTooLong.into());
        }
        self.scanned = end as u32;
        match window.get(end) {
            None => return Ok(None),
            Some(b' ') => {}
            Some(b'\r' | b'\n') => return Err(RequestErrorKind::VersionMalformed.into()),
            Some(_) => return Err(RequestErrorKind::TargetMalformed.into()),
        }
        self.line.target = Span::new(start, end);
        if self.line.path.end == 0 {
            self.line.path = self.line.target;
        }
        target::split(&mut self.line, window)?;
        Ok(Some(end))
    }
}

/// The method at `start` and the offset of the space after it, or `None` if the space is not there yet.
#[inline(always)]
fn method(window: &[u8], start: usize) -> Result<Option<(MethodKind, usize)>, RequestError> {
    // Compared as one number: the compiler would compare octet by octet.
    match window.get(start..).and_then(|rest| rest.first_chunk()) {
        Some(word) if u32::from_le_bytes(*word) == u32::from_le_bytes(*b"GET ") => {
            Ok(Some((MethodKind::Get, start + 3)))
        }
        _ => other_method(window, start),
    }
}

fn other_method(window: &[u8], start: usize) -> Result<Option<(MethodKind, usize)>, RequestError> {
    let mut end = start;
    loop {
        match window.get(end) {
            None => return Ok(None),
            Some(&octet) if is_token(octet) && end - start < METHOD_BYTES_MAX => end += 1,
            Some(b' ') if end > start => break,
            Some(_) => return Err(RequestErrorKind::MethodMalformed.into()),
        }
    }
    let kind = match &window[start..end] {
        b"GET" => MethodKind::Get,
        b"HEAD" => MethodKind::Head,
        b"POST" => MethodKind::Post,
        b"PUT" => MethodKind::Put,
        b"DELETE" => MethodKind::Delete,
        b"OPTIONS" => MethodKind::Options,
        b"TRACE" => MethodKind::Trace,
        b"CONNECT" => MethodKind::Connect,
        b"PATCH" => MethodKind::Patch,
        _ => MethodKind::Extension,
    };
    Ok(Some((kind, end)))
}

/// `HTTP/1.1` and its CRLF.
const VERSION_LINE_BYTES: usize = 10;

#[inline(always)]
fn version(window: &[u8], at: usize) -> Result<Option<Version>, RequestError> {
    match window.get(at..at + VERSION_LINE_BYTES).and_then(|rest| rest.first_chunk().zip(rest.last_chunk())) {
        Some((word, end))
            if u64::from_le_bytes(*word) == u64::from_le_bytes(*b"HTTP/1.1")
                && u16::from_le_bytes(*end) == u16::from_le_bytes(*b"\r\n") =>
        {
            Ok(Some(Version::Http11))
        }
        _ => other_version(&window[at..]),
    }
}

/// Any version, octet by octet so that the first wrong one is told from one that is missing. What is no version at all, as
/// `HTTP/01.1`, is told from one that is not spoken here, which takes the whole line.
fn other_version(rest: &[u8]) -> Result<Option<Version>, RequestError> {
    let (mut version, mut supported) = (Version::Http11, true);
    for (at, &octet) in rest.iter().take(VERSION_LINE_BYTES).enumerate() {
        match (at, octet) {
            (0..5, _) if octet == b"HTTP/"[at] => {}
            (5, b'1') | (6, b'.') | (8, b'\r') | (9, b'\n') => {}
            (5, b'0'..=b'9') => supported = false,
            (7, b'0') => version = Version::Http10,
            (7, b'1'..=b'9') => {}
            (8, b'\n') | (9, _) => return Err(RequestErrorKind::LineEndMalformed.into()),
            _ => return Err(RequestErrorKind::VersionMalformed.into()),
        }
    }
    match rest.len() >= VERSION_LINE_BYTES {
        true if supported => Ok(Some(version)),
        true => Err(RequestErrorKind::VersionUnsupported.into()),
        false => Ok(None),
    }
}

impl MethodKind {
    #[inline(always)]
    pub(super) fn method<'a>(self, text: impl FnOnce() -> &'a str) -> Method<'a> {
        match self {
            MethodKind::Get => Method::Get,
            MethodKind::Head => Method::Head,
            MethodKind::Post => Method::Post,
            MethodKind::Put => Method::Put,
            MethodKind::Delete => Method::Delete,
            MethodKind::Options => Method::Options,
            MethodKind::Trace => Method::Trace,
            MethodKind::Connect => Method::Connect,
            MethodKind::Patch => Method::Patch,
            MethodKind::Extension => Method::Extension(text()),
        }
    }
}
