//! The four forms of a request target (RFC 9112 section 3.2).

use super::Span;
use super::host;
use super::line::{MethodKind, RequestLine};
use crate::{RequestError, RequestErrorKind};

/// How the target names its resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum TargetForm {
    /// `/path?query`: what clients send to a server.
    #[default]
    Origin,
    /// `http://host/path?query`: what clients send to a proxy; servers must take it too (RFC 9112 section 3.2.2).
    Absolute,
    /// `host:port`, with CONNECT only.
    Authority,
    /// `*`, with OPTIONS only.
    Asterisk,
}

/// The form that a target beginning with `first` must have. Refuses what the method does not allow.
#[inline(always)]
pub(super) fn form(method: MethodKind, first: u8) -> Result<TargetForm, RequestError> {
    match (method, first) {
        (MethodKind::Connect, b'/' | b'*') => Err(RequestErrorKind::TargetFormForbidden.into()),
        (MethodKind::Connect, _) => Ok(TargetForm::Authority),
        (_, b'/') => Ok(TargetForm::Origin),
        // The preface of HTTP/2 is `PRI * HTTP/2.0`: the version tells its sender what is wrong.
        (MethodKind::Options | MethodKind::Extension, b'*') => Ok(TargetForm::Asterisk),
        (_, b'*') => Err(RequestErrorKind::TargetFormForbidden.into()),
        (_, b'h' | b'H') => Ok(TargetForm::Absolute),
        _ => Err(RequestErrorKind::TargetMalformed.into()),
    }
}

/// Takes a complete target apart into authority and path.
#[inline(always)]
pub(super) fn split(line: &mut RequestLine, input: &[u8]) -> Result<(), RequestError> {
    if line.form == TargetForm::Origin { Ok(()) } else { split_other(line, input) }
}

#[inline(never)]
fn split_other(line: &mut RequestLine, input: &[u8]) -> Result<(), RequestError> {
    match line.form {
        TargetForm::Authority if host::is_authority(line.target.of(input)) => {
            line.authority = line.target;
            line.path.start = line.path.end;
        }
        TargetForm::Authority => return Err(RequestErrorKind::TargetFormForbidden.into()),
        TargetForm::Asterisk if line.target.of(input) == b"*" => {}
        TargetForm::Absolute => return split_absolute(line, input),
        TargetForm::Asterisk | TargetForm::Origin => return Err(RequestErrorKind::TargetMalformed.into()),
    }
    Ok(())
}

/// Only `http` and `https`: a target of any other scheme is for a proxy, which this is not. An empty host is
/// refused (RFC 9110 section 4.2.1), and so are userinfo (section 4.2.4) and whatever else is no host.
fn split_absolute(line: &mut RequestLine, input: &[u8]) -> Result<(), RequestError> {
    let target = Span { start: line.target.start, end: line.path.end }.of(input);
    let Some(scheme) = ["http://", "https://"].into_iter().find(|scheme| starts_with(target, scheme)) else {
        return Err(RequestErrorKind::TargetMalformed.into());
    };
    let after_scheme = &target[scheme.len()..];
    let authority_len = after_scheme.iter().position(|&octet| octet == b'/').unwrap_or(after_scheme.len());
    let start = line.target.start as usize + scheme.len();
    line.authority = Span::new(start, start + authority_len);
    if !host::is_host(line.authority.of(input)) {
        return Err(RequestErrorKind::HostMalformed.into());
    }
    line.path.start = line.authority.end;
    Ok(())
}

fn starts_with(target: &[u8], scheme: &str) -> bool {
    target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
}
