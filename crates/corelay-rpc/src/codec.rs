//! Messages as bytes: protobuf, or its canonical JSON.
//!
//! The JSON mapping is buffa's: 64-bit numbers as strings, bytes as base64, enums by name, well-known types in their own
//! forms; unknown fields are passed over, as other servers of the protocol do, so that a newer client is served.
//!
//! What is read is bounded three ways ([`Limits`]): in bytes, in memory, and in nesting, for reading recurses and a
//! peer must not be able to end the process by it.

use buffa::{DecodeError, DecodeOptions, Message as Protobuf, MessageName};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::nesting::{Outline, SHALLOW, Shallow, is_plainly_shallow};
use crate::{Code, Error, Limits, room};

/// What an unknown field takes in memory, at least; as little as two bytes on the wire.
const UNKNOWN_FIELD_BYTES: usize = 40;
/// What an object, a list, a member or an item of JSON counts as.
const JSON_ELEMENT_BYTES: usize = 64;

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

    /// Reads a message, within the usual [`Limits`].
    ///
    /// # Errors
    /// As [`Codec::decode_within`].
    pub fn decode<M: Message>(self, bytes: &[u8]) -> Result<M, Error> {
        self.decode_within(bytes, &Limits::default())
    }

    /// Reads a message.
    ///
    /// # Errors
    /// The bytes are not one, or it is nested too deep: [`Code::InvalidArgument`](crate::Code::InvalidArgument). It would
    /// take too much memory: [`Code::ResourceExhausted`](crate::Code::ResourceExhausted).
    pub fn decode_within<M: Message>(self, bytes: &[u8], limits: &Limits) -> Result<M, Error> {
        match self {
            Self::Proto => decode_proto(bytes, limits),
            Self::Json => decode_json(bytes, limits),
        }
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
        encoded.map_err(|error| self.unsendable::<M>(&error))
    }

    /// As [`Codec::encode`], on a thread of any size: a message may hold what a peer sent, nested as deep as is allowed.
    pub(crate) fn encode_anywhere<M: Message>(self, message: M, out: &mut Vec<u8>) -> Result<(), Error> {
        if self == Self::Proto || room::is_here(room::WRITING_BYTES) {
            return self.encode(&message, out);
        }
        let start = out.len();
        let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Shallow::default());
        match message.serialize(&mut serializer) {
            Ok(()) => Ok(()),
            // Memory takes whatever is written: it was the nesting.
            Err(error) if error.is_io() => {
                out.truncate(start);
                let written = room::run(room::DEEP_BYTES, move || serde_json::to_vec(&message))?;
                out.extend(written.map_err(|error| self.unsendable::<M>(&error.to_string()))?);
                Ok(())
            }
            Err(error) => Err(self.unsendable::<M>(&error.to_string())),
        }
    }

    #[cold]
    fn unsendable<M: Message>(self, reason: &str) -> Error {
        Error::internal(format!("a {} cannot be sent as {}: {reason}", M::FULL_NAME, self.name()))
    }
}

/// Shallow messages are read in place; that one is not shallow is known when its reading comes that far.
fn decode_proto<M: Message>(bytes: &[u8], limits: &Limits) -> Result<M, Error> {
    let limits = *limits;
    let shallow = limits.nesting_max.min(SHALLOW);
    let decoded = match options(&limits, shallow).decode_from_slice(bytes) {
        Err(DecodeError::RecursionLimitExceeded) if shallow < limits.nesting_max => {
            let bytes = bytes.to_vec();
            room::run(room::DEEP_BYTES, move || {
                options(&limits, limits.nesting_max).decode_from_slice::<M>(&bytes)
            })?
        }
        decoded => decoded,
    };
    decoded.map_err(|error| match error {
        DecodeError::RecursionLimitExceeded => too_deep(&limits),
        DecodeError::UnknownFieldLimitExceeded | DecodeError::ElementMemoryLimitExceeded => too_much(&limits),
        error => malformed::<M>(Codec::Proto, &error.to_string()),
    })
}

fn options(limits: &Limits, nesting_max: usize) -> DecodeOptions {
    DecodeOptions::new()
        .with_recursion_limit(u32::try_from(nesting_max).unwrap_or(u32::MAX))
        .with_element_memory_limit(limits.decoded_bytes_max)
        .with_unknown_field_limit(limits.decoded_bytes_max / UNKNOWN_FIELD_BYTES)
}

/// A text is looked over first, unless a glance shows that it is small and shallow.
fn decode_json<M: Message>(bytes: &[u8], limits: &Limits) -> Result<M, Error> {
    let elements_max = limits.decoded_bytes_max / JSON_ELEMENT_BYTES;
    let is_plain = bytes.len() <= elements_max && limits.nesting_max >= SHALLOW && is_plainly_shallow(bytes);
    let outline = if is_plain { Outline::default() } else { Outline::of(bytes) };
    // The outermost object is the message itself.
    if outline.depth > limits.nesting_max.saturating_add(1) {
        return Err(too_deep(limits));
    }
    if outline.elements > elements_max {
        return Err(too_much(limits));
    }
    let decoded = if outline.depth <= SHALLOW {
        serde_json::from_slice(bytes)
    } else {
        let bytes = bytes.to_vec();
        room::run(room::DEEP_BYTES, move || serde_json::from_slice::<M>(&bytes))?
    };
    decoded.map_err(|error| malformed::<M>(Codec::Json, &error.to_string()))
}

#[cold]
fn malformed<M: Message>(codec: Codec, reason: &str) -> Error {
    Error::invalid_argument(format!("not a {} in {}: {reason}", M::FULL_NAME, codec.name()))
}

#[cold]
fn too_deep(limits: &Limits) -> Error {
    Error::invalid_argument(format!("the message is nested deeper than {} levels", limits.nesting_max))
}

#[cold]
fn too_much(limits: &Limits) -> Error {
    let reason = format!("the message would take more than {} bytes", limits.decoded_bytes_max);
    Error::new(Code::ResourceExhausted, reason)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use buffa_types::google::protobuf::DoubleValue;

    use super::*;

    /// Found by the fuzz target `rpc_json`: a quick reading of decimals is off by a bit.
    #[test]
    fn a_double_is_read_to_its_last_bit() {
        for text in ["2.0e30", "1.7976931348623157e308", "5e-324", "0.1", "-123456789.12345678"] {
            let read: DoubleValue = Codec::Json.decode(text.as_bytes()).unwrap();
            assert_eq!(read.value.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
        }
    }
}
