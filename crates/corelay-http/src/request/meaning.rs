//! What the fields that govern the connection say: Host, body length, persistence, Expect, Upgrade.

use super::{FieldSpan, Span, Version, host};
use crate::octets::{is_token, trimmed};
use crate::{Framing, RequestError, RequestErrorKind};

/// Everything the header section decides, gathered line by line.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meaning {
    pub(super) host: Option<Span>,
    /// The first Upgrade field.
    pub(super) upgrade: Option<Span>,
    content_length: Option<u64>,
    chunked: bool,
    pub(super) expects_continue: bool,
    pub(super) connection_close: bool,
    pub(super) connection_keep_alive: bool,
    pub(super) connection_upgrade: bool,
}

impl Meaning {
    /// Takes note of `field` if it is one of those that matter here.
    #[inline(always)]
    pub(super) fn apply(
        &mut self,
        field: FieldSpan,
        input: &[u8],
        version: Version,
    ) -> Result<(), RequestError> {
        let name = field.name.of(input);
        match name.len() {
            4 if is_named(name, b"host") => self.host(field.value, input),
            6 if is_named(name, b"expect") => self.expect(field.value.of(input), version),
            7 if is_named(name, b"upgrade") => {
                self.upgrade.get_or_insert(field.value);
                Ok(())
            }
            10 if is_named(name, b"connection") => {
                self.connection(field.value.of(input));
                Ok(())
            }
            14 if is_named(name, b"content-length") => self.content_length(field.value.of(input)),
            17 if is_named(name, b"transfer-encoding") => {
                self.transfer_encoding(field.value.of(input), version)
            }
            _ => Ok(()),
        }
    }

    /// The rules that only the end of the header section can decide.
    #[inline(always)]
    pub(super) fn finish(&self, version: Version) -> Result<(), RequestError> {
        if self.host.is_none() && version == Version::Http11 {
            return Err(RequestErrorKind::HostMissing.into());
        }
        Ok(())
    }

    /// How the body ends. No field about it means no body (RFC 9112 section 6.3, rule 7).
    #[inline]
    pub(super) fn framing(&self) -> Framing {
        match self.content_length {
            _ if self.chunked => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None => Framing::None,
        }
    }

    #[inline(always)]
    fn host(&mut self, value: Span, input: &[u8]) -> Result<(), RequestError> {
        if self.host.is_some() {
            return Err(RequestErrorKind::HostRepeated.into());
        }
        if !host::is_host_within(value.onwards(input), value.len()) {
            return Err(RequestErrorKind::HostMalformed.into());
        }
        self.host = Some(value);
        Ok(())
    }

    /// RFC 9110 section 10.1.1. HTTP/1.0 has no expectations, so there the field means nothing.
    fn expect(&mut self, value: &[u8], version: Version) -> Result<(), RequestError> {
        if version == Version::Http10 {
            return Ok(());
        }
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(RequestErrorKind::ExpectationUnknown.into());
        }
        self.expects_continue = true;
        Ok(())
    }

    /// RFC 9110 section 7.6.1. Options that mean nothing here, malformed ones included, change nothing.
    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|&octet| octet == b',').map(trimmed) {
            self.connection_close |= option.eq_ignore_ascii_case(b"close");
            self.connection_keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.connection_upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }

    /// RFC 9110 section 8.6 and RFC 9112 section 6.3, rules 4 and 5, at their strictest: one field, one number.
    fn content_length(&mut self, value: &[u8]) -> Result<(), RequestError> {
        if self.content_length.is_some() {
            return Err(RequestErrorKind::ContentLengthRepeated.into());
        }
        if self.chunked {
            return Err(RequestErrorKind::LengthBesideTransferEncoding.into());
        }
        self.content_length = Some(decimal(value).ok_or(RequestErrorKind::ContentLengthMalformed)?);
        Ok(())
    }

    /// RFC 9112 section 6.1, at its strictest: `chunked` once, alone, on one line.
    fn transfer_encoding(&mut self, value: &[u8], version: Version) -> Result<(), RequestError> {
        if version == Version::Http10 {
            return Err(RequestErrorKind::TransferEncodingInHttp10.into());
        }
        if self.content_length.is_some() {
            return Err(RequestErrorKind::LengthBesideTransferEncoding.into());
        }
        if self.chunked {
            return Err(RequestErrorKind::TransferEncodingMalformed.into());
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(coding_error(value).into());
        }
        self.chunked = true;
        Ok(())
    }
}

/// Whether the token `name` is `lower_case` in any case. No octet of a token but a letter changes under the 0x20 bit
/// into one that stands in `lower_case`, so this folds with one operation for all.
#[inline(always)]
fn is_named<const N: usize>(name: &[u8], lower_case: &[u8; N]) -> bool {
    name.first_chunk().is_some_and(|octets: &[u8; N]| octets.map(|octet| octet | 0x20) == *lower_case)
}

/// Digits only, no sign, no list, at most 64 bits. Leading zeros are digits too (RFC 9110 section 8.6).
fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0u64, |number, octet| {
        let digit = octet.wrapping_sub(b'0');
        if digit > 9 { None } else { number.checked_mul(10)?.checked_add(u64::from(digit)) }
    })
}

/// A list of codings that is not just `chunked`: 501 if it is well-formed and its last is `chunked`, for then only
/// the others are in the way; else 400, for then the body has no end (RFC 9112 section 6.3, rule 4).
#[cold]
fn coding_error(value: &[u8]) -> RequestErrorKind {
    let mut codings = value.rsplit(|&octet| octet == b',').map(trimmed);
    let ends_in_chunked = codings.next().is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"));
    let others_are_unknown = codings.all(|coding| {
        let name = coding.split(|&octet| octet == b';').next().map(trimmed).unwrap_or_default();
        !name.is_empty() && name.iter().copied().all(is_token) && !name.eq_ignore_ascii_case(b"chunked")
    });
    if ends_in_chunked && others_are_unknown {
        RequestErrorKind::TransferEncodingUnknown
    } else {
        RequestErrorKind::TransferEncodingMalformed
    }
}
