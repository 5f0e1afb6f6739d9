//! The header section: field lines up to the empty line (RFC 9112 section 5).

use super::{FieldSpan, RequestHead, Span, Stage};
use crate::octets::{Token, Value, is_white, span_end};
use crate::{Limits, RequestError, RequestErrorKind};

impl RequestHead {
    /// Parses up to the empty line that ends the head; false if it is not all there.
    #[inline(always)]
    pub(super) fn parse_fields(&mut self, window: &[u8], limits: &Limits) -> Result<bool, RequestError> {
        loop {
            let colon = if self.stage == Stage::FieldValue {
                self.colon as usize
            } else {
                match window.get(self.position as usize) {
                    None => return Ok(false),
                    Some(b'\r') => return self.finish(window),
                    Some(_) if self.fields.len() >= limits.fields => {
                        return Err(RequestErrorKind::TooManyFields.into());
                    }
                    Some(_) => {}
                }
                let Some(colon) = self.parse_name(window)? else { return Ok(false) };
                colon
            };
            let Some((value, line_end)) = self.parse_value(window, colon)? else { return Ok(false) };
            let field = FieldSpan { name: Span::new(self.position as usize, colon), value };
            self.meaning.apply(field, window, self.line.version)?;
            self.fields.push(field);
            // Not before: the same bytes after an error give the same error again.
            self.position = line_end as u32;
            self.stage = Stage::FieldName;
        }
    }

    /// The offset of the colon after the name that starts at `position`, or `None` if it is not there yet.
    #[inline(always)]
    fn parse_name(&mut self, window: &[u8]) -> Result<Option<usize>, RequestError> {
        let start = self.position as usize;
        let end = span_end::<Token>(window, start.max(self.scanned as usize));
        match window.get(end) {
            None => {
                self.scanned = end as u32;
                Ok(None)
            }
            Some(b':') if end > start => Ok(Some(end)),
            Some(&octet) => Err(name_error(octet, end == start)),
        }
    }

    /// The value after `colon` and where its line ends, or `None` if the line is not all there.
    #[inline(always)]
    fn parse_value(&mut self, window: &[u8], colon: usize) -> Result<Option<(Span, usize)>, RequestError> {
        let start = colon + 1;
        let end = span_end::<Value>(window, start.max(self.scanned as usize));
        match window.get(end..) {
            Some([b'\r', b'\n', ..]) => Ok(Some((trimmed(window, start, end), end + 2))),
            Some([] | [b'\r']) | None => {
                self.stage = Stage::FieldValue;
                self.colon = colon as u32;
                self.scanned = end as u32;
                Ok(None)
            }
            Some([b'\r' | b'\n', ..]) => Err(RequestErrorKind::LineEndMalformed.into()),
            Some(_) => Err(RequestErrorKind::FieldValueMalformed.into()),
        }
    }

    /// The empty line at `position` ends the head.
    #[inline(always)]
    fn finish(&mut self, window: &[u8]) -> Result<bool, RequestError> {
        match window.get(self.position as usize + 1) {
            None => return Ok(false),
            Some(b'\n') => {}
            Some(_) => return Err(RequestErrorKind::LineEndMalformed.into()),
        }
        self.meaning.finish(self.line.version)?;
        self.position += 2;
        self.stage = Stage::Complete;
        Ok(true)
    }
}

/// The value between `start` and `end` without optional white space around it (RFC 9112 section 5.1).
#[inline(always)]
fn trimmed(window: &[u8], mut start: usize, mut end: usize) -> Span {
    while start < end && is_white(window[start]) {
        start += 1;
    }
    while start < end && is_white(window[end - 1]) {
        end -= 1;
    }
    Span::new(start, end)
}

#[cold]
fn name_error(octet: u8, at_line_start: bool) -> RequestError {
    match (octet, at_line_start) {
        (b'\n', _) | (b'\r', _) => RequestErrorKind::LineEndMalformed.into(),
        (b' ' | b'\t', true) => RequestErrorKind::FieldFolded.into(),
        (b' ' | b'\t', false) => RequestErrorKind::FieldNameSpace.into(),
        _ => RequestErrorKind::FieldNameMalformed.into(),
    }
}
