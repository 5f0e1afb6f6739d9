//! Messages as bytes: protobuf, or its canonical JSON.
//!
//! The JSON mapping is buffa's: 64-bit numbers as strings, bytes as base64, enums by name, well-known types in their own
//! forms; unknown fields are passed over, as other servers of the protocol do, so that a newer client is served.

use buffa::{Message as Protobuf, MessageName};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// A message of the generated code.
pub trait Message: Protobuf + MessageName + Serialize + DeserializeOwned + Send + 'static {}

impl<M: Protobuf + MessageName + Serialize + DeserializeOwned + Send + 'static> Message for M {}

/// How messages become bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Codec {
    /// Protobuf's binary format.
    #[default]
    Proto,
    /// Protobuf's canonical JSON.
    Json,
}

impl Codec {
    /// The name in content types and in the query of a GET.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proto => "proto",
            Self::Json => "json",
        }
    }

    /// The codec of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "proto" => Some(Self::Proto),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// The bytes are not one: [`Code::InvalidArgument`](crate::Code::InvalidArgument).
    pub fn decode<M: Message>(self, bytes: &[u8]) -> Result<M, Error> {
        let decoded = match self {
            Self::Proto => M::decode_from_slice(bytes).map_err(|error| error.to_string()),
            Self::Json => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
        };
        decoded.map_err(|error| {
            Error::invalid_argument(format!("not a {} in {}: {error}", M::FULL_NAME, self.name()))
        })
    }

    /// Appends a message to `out`.
    ///
    /// # Errors
    /// It has no such form (an unknown type in an `Any`, as JSON; more than 2 GiB):
    /// [`Code::Internal`](crate::Code::Internal).
    pub fn encode<M: Message>(self, message: &M, out: &mut Vec<u8>) -> Result<(), Error> {
        let encoded = match self {
            Self::Proto => message.try_encode(out).map_err(|error| error.to_string()),
            Self::Json => serde_json::to_writer(out, message).map_err(|error| error.to_string()),
        };
        encoded.map_err(|error| {
            Error::internal(format!("a {} cannot be sent as {}: {error}", M::FULL_NAME, self.name()))
        })
    }
}
