//! Content types, and the answer to wrong ones.

use corelay::http::{HeaderValue, Response, StatusCode, header};

use crate::Codec;

static UNARY_PROTO: HeaderValue = HeaderValue::from_static("application/proto");
static STREAM_PROTO: HeaderValue = HeaderValue::from_static("application/connect+proto");
static STREAM_JSON: HeaderValue = HeaderValue::from_static("application/connect+json");
/// Also that of a unary error, whatever the codec of the call.
pub(crate) static UNARY_JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Which of the protocol's two families of content types a method speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Unary,
    Stream,
}

impl Shape {
    /// The codec that a content type names, if it is one of this family.
    #[inline]
    pub(crate) fn codec(self, content_type: &[u8]) -> Option<Codec> {
        // As nearly all clients write it; the general comparison is three times the instructions.
        let is_plain = |codec: &Codec| content_type == self.content_type(*codec).as_bytes();
        [Codec::Proto, Codec::Json].into_iter().find(is_plain).or_else(|| self.codec_of_variant(content_type))
    }

    /// In another case, or with parameters.
    #[inline(never)]
    fn codec_of_variant(self, content_type: &[u8]) -> Option<Codec> {
        let essence = content_type.split(|byte| *byte == b';').next()?.trim_ascii();
        [Codec::Proto, Codec::Json]
            .into_iter()
            .find(|codec| essence.eq_ignore_ascii_case(self.content_type(*codec).as_bytes()))
    }

    pub(crate) fn content_type(self, codec: Codec) -> &'static HeaderValue {
        match (self, codec) {
            (Self::Unary, Codec::Proto) => &UNARY_PROTO,
            (Self::Unary, Codec::Json) => &UNARY_JSON,
            (Self::Stream, Codec::Proto) => &STREAM_PROTO,
            (Self::Stream, Codec::Json) => &STREAM_JSON,
        }
    }

    /// 415 with what is accepted (RFC 9110, section 15.5.16).
    #[cold]
    pub(crate) fn unsupported(self) -> Response {
        let accepted = match self {
            Self::Unary => "application/json, application/proto",
            Self::Stream => "application/connect+json, application/connect+proto",
        };
        Response::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
            .header("accept-post", HeaderValue::from_static(accepted))
            .header(header::ACCEPT, HeaderValue::from_static(accepted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_do_not_matter_and_families_do() {
        assert_eq!(Shape::Unary.codec(b"application/proto"), Some(Codec::Proto));
        assert_eq!(Shape::Unary.codec(b"Application/JSON ; charset=utf-8"), Some(Codec::Json));
        assert_eq!(Shape::Stream.codec(b"application/connect+json"), Some(Codec::Json));
        for other in [&b"application/connect+proto"[..], b"application/protobuf", b"text/plain", b"", b";"] {
            assert_eq!(Shape::Unary.codec(other), None);
        }
        assert_eq!(Shape::Stream.codec(b"application/proto"), None);
    }
}
