//! A serde deserialiser over path parameters.
//!
//! The parameters as a whole are a value, a sequence or a map, as the target type asks; each value is text
//! that is decoded when it is looked at and parsed as the type asks. Nothing is allocated unless a value has
//! escapes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};

use crate::http::params::Params;

/// Why parameters did not become a value.
#[derive(Debug)]
pub(super) enum PathError {
    /// The peer's path.
    Value(String),
    /// The handler's type.
    Shape(String),
}

/// All parameters of a path.
pub(super) struct PathDeserializer<'p> {
    params: &'p Params<'p>,
}

/// One of them.
#[derive(Clone, Copy)]
struct PathValue<'p> {
    name: &'p str,
    encoded: &'p str,
}

impl<'p> PathDeserializer<'p> {
    pub(super) fn new(params: &'p Params<'_>) -> Self {
        Self { params }
    }

    fn values(&self) -> impl Iterator<Item = PathValue<'p>> + use<'p> {
        self.params.iter().map(|(name, encoded)| PathValue { name, encoded })
    }

    /// The value, where the type has room for one.
    fn only(&self) -> Result<PathValue<'p>, PathError> {
        self.expect_count(1)?;
        self.values().next().ok_or_else(|| PathError::Shape("the pattern has no parameter".to_owned()))
    }

    fn expect_count(&self, wanted: usize) -> Result<(), PathError> {
        match self.params.len() {
            given if given == wanted => Ok(()),
            given => {
                Err(PathError::Shape(format!("the pattern has {given} parameters, the type takes {wanted}")))
            }
        }
    }
}

/// Types of one value: the only parameter.
macro_rules! only_value {
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
                self.only()?.$method(visitor)
            }
        )*
    };
}

impl<'de> Deserializer<'de> for PathDeserializer<'_> {
    type Error = PathError;

    only_value! {
        deserialize_bool deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_option deserialize_identifier
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, PathError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_seq(SeqDeserializer::new(self.values()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, PathError> {
        self.expect_count(len)?;
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_map(MapDeserializer::new(self.values().map(|value| (value.name, value))))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { map struct unit_struct ignored_any }
}

impl<'p> PathValue<'p> {
    fn decoded(self) -> Result<Cow<'p, str>, PathError> {
        percent_decode_str(self.encoded).decode_utf8().map_err(|_| self.expected("UTF-8"))
    }

    fn parse<T: FromStr>(self) -> Result<T, PathError> {
        self.decoded()?.parse().map_err(|_| self.expected(std::any::type_name::<T>()))
    }

    /// The value itself is not repeated: it may be anything.
    fn expected(self, kind: &str) -> PathError {
        PathError::Value(format!("path parameter `{}`: expected {kind}", self.name))
    }
}

/// Types that are parsed from text.
macro_rules! parsed_value {
    ($($method:ident $visit:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
                visitor.$visit(self.parse()?)
            }
        )*
    };
}

impl<'de> Deserializer<'de> for PathValue<'_> {
    type Error = PathError;

    parsed_value! {
        deserialize_bool visit_bool
        deserialize_char visit_char
        deserialize_i8 visit_i8
        deserialize_i16 visit_i16
        deserialize_i32 visit_i32
        deserialize_i64 visit_i64
        deserialize_i128 visit_i128
        deserialize_u8 visit_u8
        deserialize_u16 visit_u16
        deserialize_u32 visit_u32
        deserialize_u64 visit_u64
        deserialize_u128 visit_u128
        deserialize_f32 visit_f32
        deserialize_f64 visit_f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        match self.decoded()? {
            Cow::Borrowed(text) => visitor.visit_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_bytes(self.decoded()?.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, PathError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PathError> {
        let text: de::value::StringDeserializer<PathError> = self.decoded()?.into_owned().into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        str string unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, PathError> for PathValue<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl de::Error for PathError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Value(format!("path: {message}"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Shape(format!("the pattern has no parameter `{field}`"))
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathError::Value(message) | PathError::Shape(message) => formatter.write_str(message),
        }
    }
}

impl std::error::Error for PathError {}
