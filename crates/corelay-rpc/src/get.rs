//! A unary call as a GET: the message in the query, so that caches and browsers can keep the answer.
//!
//! <https://connectrpc.com/docs/protocol#unary-get-request>. A parameter that comes twice counts the first time;
//! parameters of others are passed over.

use std::borrow::Cow;

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;

use crate::compression::too_large;
use crate::{Codec, Compression, Error};

const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The message of a GET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetRequest {
    /// How it is encoded.
    pub codec: Codec,
    /// How it is compressed.
    pub compression: Compression,
    /// The message as it was sent, out of percent and base64 encoding.
    pub message: Vec<u8>,
}

/// What is wrong with a query.
#[derive(Debug)]
pub enum BadGet {
    /// No codec that is known: 415.
    Codec,
    /// Anything else.
    Call(Error),
}

impl GetRequest {
    /// Reads a query, of a message of at most `bytes_max` bytes.
    ///
    /// ```
    /// use corelay_rpc::Codec;
    /// use corelay_rpc::get::GetRequest;
    ///
    /// let query = "connect=v1&encoding=json&message=%7B%22max%22%3A6%7D";
    /// let request = GetRequest::parse(query, 100).unwrap();
    /// assert_eq!((request.codec, &*request.message), (Codec::Json, &b"{\"max\":6}"[..]));
    /// ```
    ///
    /// # Errors
    /// A codec or compression that is unknown, a version of the protocol other than 1, no message, or one that is not
    /// encoded as it says or too large.
    pub fn parse(query: &str, bytes_max: usize) -> Result<Self, BadGet> {
        let parameter = |name: &str| parameter(query, name);
        let codec = parameter("encoding").and_then(|name| Codec::from_name(std::str::from_utf8(&name).ok()?));
        let Some(codec) = codec else { return Err(BadGet::Codec) };
        if let Some(version) = parameter("connect").filter(|version| **version != *b"v1") {
            let version = String::from_utf8_lossy(&version).into_owned();
            return Err(Error::invalid_argument(format!("connect must be \"v1\", not {version:?}")).into());
        }
        let compression = parameter("compression");
        let compression = compression.map(|name| String::from_utf8_lossy(&name).into_owned());
        let compression = Compression::declared(compression.as_deref())?;
        let Some(message) = parameter("message") else {
            return Err(Error::invalid_argument("the query has no message").into());
        };
        let message = match parameter("base64").as_deref() {
            Some(b"1") => URL_SAFE.decode(&message).map_err(|error| {
                Error::invalid_argument(format!("the message is not URL-safe base64: {error}"))
            })?,
            _ => message.into_owned(),
        };
        if message.len() > bytes_max {
            return Err(too_large(bytes_max).into());
        }
        Ok(Self { codec, compression, message })
    }

    /// The query of this message, without the question mark. Protobuf and what is compressed go as base64, JSON as text.
    /// The parameters are in the order that the protocol recommends, for the sake of shared caches.
    pub fn to_query(&self) -> String {
        let is_text = self.codec == Codec::Json && self.compression == Compression::Identity;
        let mut query = String::from("connect=v1");
        query.push_str(if is_text { "" } else { "&base64=1" });
        if self.compression != Compression::Identity {
            query.push_str("&compression=");
            query.push_str(self.compression.name());
        }
        query.push_str("&encoding=");
        query.push_str(self.codec.name());
        query.push_str("&message=");
        if is_text {
            query.extend(percent_encoding::percent_encode(&self.message, percent_encoding::NON_ALPHANUMERIC));
        } else {
            URL_SAFE.encode_string(&self.message, &mut query);
        }
        query
    }
}

impl From<Error> for BadGet {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

/// The first value of this name, decoded as forms are: a plus is a space.
fn parameter<'q>(query: &'q str, name: &str) -> Option<Cow<'q, [u8]>> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
    if value.contains('+') {
        return Some(Cow::Owned(percent_decode_str(&value.replace('+', " ")).collect()));
    }
    Some(percent_decode_str(value).into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;
    use crate::Code;

    fn code(query: &str) -> Option<Code> {
        match GetRequest::parse(query, 8).unwrap_err() {
            BadGet::Codec => None,
            BadGet::Call(error) => Some(error.code()),
        }
    }

    #[test]
    fn a_query_is_read_back() {
        for codec in [Codec::Proto, Codec::Json] {
            for compression in [Compression::Identity, Compression::Gzip] {
                let request =
                    GetRequest { codec, compression, message: b"{\"a\": \"+&=\xc3\xa4\"}".to_vec() };
                assert_eq!(GetRequest::parse(&request.to_query(), 100).unwrap(), request);
            }
        }
    }

    #[test]
    fn padding_plus_and_strange_parameters_are_understood() {
        let request = GetRequest::parse("x&encoding=proto&base64=1&message=_-8%3D&utm=1", 8).unwrap();
        assert_eq!(request.message, [0xff, 0xef]);
        let request = GetRequest::parse("message=a+b&encoding=json&message=c", 8).unwrap();
        assert_eq!(request.message, b"a b");
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(code(""), None);
        assert_eq!(code("encoding=xml&message="), None);
        assert_eq!(code("encoding=json"), Some(Code::InvalidArgument));
        assert_eq!(code("encoding=json&message=&connect=v2"), Some(Code::InvalidArgument));
        assert_eq!(code("encoding=proto&base64=1&message=%%%"), Some(Code::InvalidArgument));
        assert_eq!(code("encoding=proto&message=&compression=lzw"), Some(Code::Unimplemented));
        assert_eq!(code("encoding=json&message=123456789"), Some(Code::ResourceExhausted));
    }
}
