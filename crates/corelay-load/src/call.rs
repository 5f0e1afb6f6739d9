//! Unary calls of the Connect protocol: what their answers say besides being answers of HTTP. No socket here.
//!
//! An error has a status of its own and a body in JSON that names its code
//! (<https://connectrpc.com/docs/protocol#unary-response>). Where the body names none, a proxy answered or a server of something else:
//! then the status stands for a code, as it does for every client of the protocol. Deliberately absent: streams, and errors that are compressed,
//! which a request without `Accept-Encoding` does not get.

use serde::Deserialize;

/// Bytes of an error's body that are kept. Of a longer one the status says the code.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// The names of all codes, as they are on the wire.
const CODES: [&str; 16] = [
    "canceled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
];

const JSON: &str = "application/json";

/// How the messages of a call are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Proto,
    Json,
}

/// What the head of an answer says of a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A message follows.
    Good,
    /// It failed.
    Failed(&'static str),
    /// It failed, and the body says with which code; this one, if it does not.
    FailedUnless(&'static str),
}

/// The body of an error.
#[derive(Deserialize)]
struct ErrorBody {
    code: String,
}

impl Codec {
    /// The codec that a content type names.
    pub(crate) fn of(content_type: &[u8]) -> Option<Self> {
        let named = |codec: &Self| is_type(content_type, codec.content_type());
        [Self::Proto, Self::Json].into_iter().find(named)
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Proto => "application/proto",
            Self::Json => JSON,
        }
    }
}

/// Reads the head of the answer to a call.
pub(crate) fn judge(status: u16, content_type: Option<&[u8]>, codec: Codec) -> Verdict {
    let content_type = content_type.unwrap_or_default();
    match status {
        200 if is_type(content_type, codec.content_type()) => Verdict::Good,
        // Of the protocol, but in another codec.
        200 if content_type.starts_with(b"application/") => Verdict::Failed("internal"),
        _ if status != 200 && is_type(content_type, JSON) => Verdict::FailedUnless(code_of_status(status)),
        _ => Verdict::Failed(code_of_status(status)),
    }
}

/// Keeps more of an error's body, up to a limit.
pub(crate) fn keep(body: &mut Vec<u8>, more: &[u8]) {
    let room = ERROR_BYTES_MAX.saturating_sub(body.len());
    body.extend_from_slice(&more[..more.len().min(room)]);
}

/// The code that an error's body names; `None` if it names none that there is.
pub(crate) fn code_in(body: &[u8]) -> Option<&'static str> {
    let ErrorBody { code } = serde_json::from_slice(body).ok()?;
    CODES.into_iter().find(|known| *known == code)
}

/// <https://connectrpc.com/docs/protocol#http-to-error-code>.
fn code_of_status(status: u16) -> &'static str {
    match status {
        400 => "internal",
        401 => "unauthenticated",
        403 => "permission_denied",
        404 => "unimplemented",
        429 | 502..=504 => "unavailable",
        _ => "unknown",
    }
}

/// Whether a content type is this one, whatever its parameters.
fn is_type(content_type: &[u8], wanted: &str) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_whether_a_message_follows() {
        for (status, content_type, verdict) in [
            (200, "application/json; charset=utf-8", Verdict::Good),
            (200, "application/proto", Verdict::Failed("internal")),
            (200, "text/html", Verdict::Failed("unknown")),
            (200, "", Verdict::Failed("unknown")),
            (204, "application/proto", Verdict::Failed("unknown")),
            (400, "Application/JSON", Verdict::FailedUnless("internal")),
            (404, "text/plain", Verdict::Failed("unimplemented")),
            (503, "text/html", Verdict::Failed("unavailable")),
            (415, "", Verdict::Failed("unknown")),
        ] {
            let judged = judge(status, Some(content_type.as_bytes()), Codec::Json);
            assert_eq!(judged, verdict, "{status} {content_type}");
        }
        assert_eq!(judge(200, Some(b"application/proto"), Codec::Proto), Verdict::Good);
        assert_eq!(judge(200, None, Codec::Proto), Verdict::Failed("unknown"));
    }

    #[test]
    fn a_body_names_a_code_that_there_is_or_none() {
        assert_eq!(code_in(br#"{"message":"no","code":"out_of_range","details":[]}"#), Some("out_of_range"));
        for body in [&b""[..], b"{}", b"null", br#"{"code":7}"#, br#"{"code":"x"}"#, br#"{"code":"internal"#]
        {
            assert_eq!(code_in(body), None, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn so_much_of_a_body_is_kept_and_no_more() {
        let mut body = Vec::new();
        for _ in 0..3 {
            keep(&mut body, &[0; ERROR_BYTES_MAX / 2 + 1]);
        }
        assert_eq!(body.len(), ERROR_BYTES_MAX);
    }

    #[test]
    fn only_the_protocols_content_types_name_a_codec() {
        assert_eq!(Codec::of(b"application/proto"), Some(Codec::Proto));
        assert_eq!(Codec::of(b"application/json;charset=utf-8"), Some(Codec::Json));
        assert_eq!(Codec::of(b"application/connect+json"), None);
    }
}
