//! Errors of RPCs: a code, a message for people, and details for programs.
//!
//! The JSON of an error is written and read by hand and leniently: a client must make something of what any server
//! sends. <https://connectrpc.com/docs/protocol#error-end-stream>.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD_NO_PAD};
use buffa::{Message, MessageName};
use http::HeaderMap;
use serde_json::{Map, Value};

use crate::Code;

/// Details come unpadded from servers of the protocol, and padded from some proxies.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why an RPC failed, as the other side is told.
///
/// ```
/// use corelay_rpc::{Code, Error};
///
/// let error = Error::new(Code::OutOfRange, "count must be at most 10,000, not 10,001");
/// assert_eq!(error.to_string(), "out_of_range: count must be at most 10,000, not 10,001");
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    message: String,
    details: Vec<Detail>,
    metadata: HeaderMap,
}

/// One message that explains an error to a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// The full name of the message's type, such as `google.rpc.RetryInfo`.
    pub type_name: String,
    /// The message, in protobuf.
    pub value: Vec<u8>,
}

impl Error {
    /// An error with this code; `message` is sent to the other side.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Inner { code, message, details: Vec::new(), metadata: HeaderMap::new() }))
    }

    /// The request makes no sense: [`Code::InvalidArgument`].
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// A method that is declared and not provided: [`Code::Unimplemented`].
    pub fn unimplemented(message: impl Into<String>) -> Self {
        Self::new(Code::Unimplemented, message)
    }

    /// A broken invariant: [`Code::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }

    pub(crate) fn deadline_exceeded() -> Self {
        Self::new(Code::DeadlineExceeded, "the deadline has passed")
    }

    /// The same error with one more detail.
    #[must_use]
    pub fn with_detail<M: Message + MessageName>(self, detail: &M) -> Self {
        self.with_raw_detail(Detail { type_name: M::FULL_NAME.to_owned(), value: detail.encode_to_vec() })
    }

    /// The same error with one more detail whose type this program need not know.
    #[must_use]
    pub fn with_raw_detail(mut self, detail: Detail) -> Self {
        self.0.details.push(detail);
        self
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The message; may be empty.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The details, in the order they were sent.
    pub fn details(&self) -> &[Detail] {
        &self.0.details
    }

    /// The first detail of this type that decodes.
    pub fn detail<M: Message + MessageName>(&self) -> Option<M> {
        let of_type = self.0.details.iter().filter(|detail| detail.type_name == M::FULL_NAME);
        of_type.into_iter().find_map(|detail| M::decode_from_slice(&detail.value).ok())
    }

    /// What came with the error besides, header fields and trailers together; sent as header fields of a unary answer and
    /// in the end message of a stream.
    pub fn metadata(&self) -> &HeaderMap {
        &self.0.metadata
    }

    /// The same, to be added to.
    pub fn metadata_mut(&mut self) -> &mut HeaderMap {
        &mut self.0.metadata
    }

    /// The object that stands for it in an answer's body and in an end message.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("code".to_owned(), self.0.code.name().into());
        if !self.0.message.is_empty() {
            object.insert("message".to_owned(), self.0.message.as_str().into());
        }
        if !self.0.details.is_empty() {
            object.insert("details".to_owned(), self.0.details.iter().map(Detail::to_json).collect());
        }
        object.into()
    }

    /// Reads such an object; `otherwise` is the code where it names none that is known.
    pub(crate) fn from_json(value: &Value, otherwise: Code) -> Self {
        let code = value["code"].as_str().and_then(Code::from_name).unwrap_or(otherwise);
        let mut error = Self::new(code, value["message"].as_str().unwrap_or_default());
        let details = value["details"].as_array().into_iter().flatten();
        error.0.details = details.filter_map(Detail::from_json).collect();
        error
    }
}

impl Detail {
    fn to_json(&self) -> Value {
        let value = STANDARD_NO_PAD.encode(&self.value);
        Map::from_iter([
            ("type".to_owned(), self.type_name.as_str().into()),
            ("value".to_owned(), value.into()),
        ])
        .into()
    }

    fn from_json(value: &Value) -> Option<Self> {
        let type_name = value["type"].as_str()?;
        let type_name = type_name.rsplit_once('/').map_or(type_name, |(_, name)| name).to_owned();
        let value = LENIENT.decode(value["value"].as_str()?).ok()?;
        Some(Self { type_name, value })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message() {
            "" => formatter.write_str(self.code().name()),
            message => write!(formatter, "{}: {message}", self.code()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Error");
        debug.field("code", &self.0.code).field("message", &self.0.message);
        debug.field("details", &self.0.details).finish_non_exhaustive()
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    #[test]
    fn an_error_is_read_back_from_its_json() {
        let detail = Detail { type_name: "a.b.C".to_owned(), value: vec![0, 255, 1, 2] };
        let error = Error::new(Code::NotFound, "no \"such\" thing").with_raw_detail(detail.clone());
        let json = error.to_json().to_string();
        assert!(json.contains(r#""value":"AP8BAg""#), "{json}");
        let read = Error::from_json(&serde_json::from_str(&json).unwrap(), Code::Unknown);
        assert_eq!(
            (read.code(), read.message(), read.details()),
            (Code::NotFound, error.message(), &[detail][..])
        );
    }

    #[test]
    fn whatever_is_not_as_it_should_be_is_left_out() {
        for text in ["null", "[]", "7", r#"{"code":"nonsense","details":[1,{"type":"x","value":"?"}]}"#] {
            let error = Error::from_json(&serde_json::from_str(text).unwrap(), Code::Aborted);
            assert_eq!(
                (error.code(), error.message(), error.details()),
                (Code::Aborted, "", &[][..]),
                "{text}"
            );
        }
        let padded = serde_json::from_str(r#"{"details":[{"type":"t.io/x","value":"AA=="}]}"#).unwrap();
        let error = Error::from_json(&padded, Code::Internal);
        assert_eq!(error.details(), [Detail { type_name: "x".to_owned(), value: vec![0] }]);
    }
}
