//! Feeds input to the parsers in every way a network may split it, and insists on one outcome.

#![allow(dead_code, reason = "each test file uses a part of this")]

use corelay_http::{
    BodyDecoder, BodyErrorKind, Framing, Head, Limits, Parsed, RequestErrorKind, RequestHead, TargetForm,
    Version,
};

/// All that a finished head says, owned so that two of them can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) head_len: usize,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) form: TargetForm,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) version: Version,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) framing: Framing,
    pub(crate) keep_alive: bool,
    pub(crate) expects_continue: bool,
    pub(crate) upgrade: Option<Vec<u8>>,
}

impl Request {
    fn of(head: Head<'_>, head_len: usize) -> Self {
        Self {
            head_len,
            method: head.method().as_str().into(),
            target: head.target().into(),
            form: head.target_form(),
            path: head.path().into(),
            query: head.query().map(Into::into),
            host: head.host().map(Into::into),
            version: head.version(),
            fields: head.fields().map(|field| (field.name.into(), field.value.into())).collect(),
            framing: head.framing(),
            keep_alive: head.keep_alive(),
            expects_continue: head.expects_continue(),
            upgrade: head.upgrade().map(Into::into),
        }
    }
}

/// What became of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Complete(Box<Request>),
    Partial,
    Refused(RequestErrorKind),
}

/// Parses `input` when it arrives up to each of `ends` in turn. `ends` must be ascending.
pub(crate) fn parse_in_steps(
    input: &[u8],
    ends: impl IntoIterator<Item = usize>,
    limits: &Limits,
) -> Outcome {
    let mut head = RequestHead::new();
    for end in ends {
        let so_far = &input[..end];
        let first = head.parse(so_far, limits);
        assert_eq!(head.parse(so_far, limits), first, "asking again changes nothing");
        match first {
            Ok(Parsed::Partial) => {}
            Ok(Parsed::Complete { head_len }) => {
                return Outcome::Complete(Box::new(Request::of(head.view(so_far), head_len)));
            }
            Err(error) => return Outcome::Refused(error.kind()),
        }
    }
    Outcome::Partial
}

/// Parses `input` whole, split in two at every byte, and byte by byte; all must agree.
pub(crate) fn parse(input: &[u8], limits: &Limits) -> Outcome {
    let whole = parse_in_steps(input, [input.len()], limits);
    for at in 0..input.len() {
        let split = parse_in_steps(input, [at, input.len()], limits);
        assert_eq!(split, whole, "split at {at} of {}", input.escape_ascii());
    }
    let by_byte = parse_in_steps(input, 0..=input.len(), limits);
    assert_eq!(by_byte, whole, "byte by byte: {}", input.escape_ascii());
    whole
}

/// The request that `input` is, under default limits, however it is split.
pub(crate) fn accepted(input: impl AsRef<[u8]>) -> Request {
    let input = input.as_ref();
    match parse(input, &Limits::default()) {
        Outcome::Complete(request) => *request,
        other => panic!("{} should be accepted, is {other:?}", input.escape_ascii()),
    }
}

/// The kind and status code with which `input` is refused, under default limits, however it is split.
pub(crate) fn refused(input: impl AsRef<[u8]>) -> (RequestErrorKind, u16) {
    refused_by(input, &Limits::default())
}

/// As [`refused`], under other limits.
pub(crate) fn refused_by(input: impl AsRef<[u8]>, limits: &Limits) -> (RequestErrorKind, u16) {
    let input = input.as_ref();
    match parse(input, limits) {
        Outcome::Refused(kind) => {
            let error = RequestHead::new().parse(input, limits).unwrap_err();
            (kind, error.status().as_u16())
        }
        other => panic!("{} should be refused, is {other:?}", input.escape_ascii()),
    }
}

/// A request to `/` with `fields`, lines without their CRLF, after a Host.
pub(crate) fn with_fields(fields: &[&str]) -> String {
    let lines: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

/// The body in `input` and the bytes used, or the error, when it arrives up to each of `ends` in turn.
pub(crate) fn decode_in_steps(
    framing: Framing,
    input: &[u8],
    ends: impl IntoIterator<Item = usize>,
    limits: &Limits,
) -> Result<(Vec<u8>, usize, bool), BodyErrorKind> {
    let (mut decoder, mut body, mut used) = (BodyDecoder::new(framing), Vec::new(), 0);
    for end in ends {
        while !decoder.is_complete() {
            let so_far = &input[used..end];
            let decoded = decoder.decode(so_far, limits).map_err(|error| {
                assert_eq!(decoder.decode(b"", limits), Err(error), "an error stays");
                error.kind()
            })?;
            assert!(decoded.data.end <= decoded.consumed, "data lies within what is consumed");
            assert_eq!(decoded.complete, decoder.is_complete());
            body.extend_from_slice(&so_far[decoded.data]);
            used += decoded.consumed;
            if decoded.consumed == 0 {
                break;
            }
        }
    }
    Ok((body, used, decoder.is_complete()))
}

/// Decodes `input` whole, split in two at every byte, and byte by byte; all must agree.
pub(crate) fn decode(
    framing: Framing,
    input: &[u8],
    limits: &Limits,
) -> Result<(Vec<u8>, usize, bool), BodyErrorKind> {
    let whole = decode_in_steps(framing, input, [input.len()], limits);
    for at in 0..input.len() {
        let split = decode_in_steps(framing, input, [at, input.len()], limits);
        assert_eq!(split, whole, "split at {at} of {}", input.escape_ascii());
    }
    let by_byte = decode_in_steps(framing, input, 0..=input.len(), limits);
    assert_eq!(by_byte, whole, "byte by byte: {}", input.escape_ascii());
    whole
}
