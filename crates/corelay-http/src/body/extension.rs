//! The grammar of chunk extensions (RFC 9112 section 7.1.1), octet by octet.
//!
//! ```text
//! chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS value ] )      name = token      value = token / quoted-string
//!
//!                 ┌────────────────────────────────────────────────────────┐
//!                 ▼                                                        │ ;
//! Before ─(;)─▶ Start ─▶ Name ─▶ NameEnd ─(=)─▶ ValueStart ─▶ Token ───────┤
//!    ▲                    │                          └─▶ Quoted ─▶ Closed ─┤
//!    │                    │                               ▲ ▼              │
//!    │                    │                              Escaped           │
//!    └─ white space ──────┴── (Name, Token, Closed may end the line) ──────┘
//! ```
//!
//! What an extension says means nothing here, but where it ends does: a reader that does not know what a quoted string
//! is sees another end than one that does, so whatever is not of this form is refused.

use crate::octets::{Class, Value, is_token, is_white};

/// How far an extension has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extension {
    /// Behind the size, or behind a value and white space: a semicolon must come.
    Before,
    /// Behind a semicolon: a name must come.
    Start,
    Name,
    /// Behind a name and white space.
    NameEnd,
    /// Behind `=`: a value must come.
    ValueStart,
    Token,
    Quoted,
    /// Behind a backslash in a quoted string.
    Escaped,
    /// Behind a quoted string.
    Closed,
}

impl Extension {
    /// The state after `octet`; `None` if it cannot stand here.
    pub(super) fn after(self, octet: u8) -> Option<Self> {
        use Extension::{Before, Closed, Escaped, Name, NameEnd, Quoted, Start, Token, ValueStart};
        match (self, octet) {
            (Quoted, b'"') => Some(Closed),
            (Quoted, b'\\') => Some(Escaped),
            (Quoted | Escaped, _) => Value::accepts(octet).then_some(Quoted),
            (Before | Name | NameEnd | Token | Closed, b';') => Some(Start),
            (Name | NameEnd, b'=') => Some(ValueStart),
            (ValueStart, b'"') => Some(Quoted),
            (Before | Token | Closed, _) if is_white(octet) => Some(Before),
            (Name | NameEnd, _) if is_white(octet) => Some(NameEnd),
            (Start | ValueStart, _) if is_white(octet) => Some(self),
            (Start | Name, _) if is_token(octet) => Some(Name),
            (ValueStart | Token, _) if is_token(octet) => Some(Token),
            _ => None,
        }
    }

    /// Whether the line may end here. Never behind white space.
    pub(super) fn may_end(self) -> bool {
        matches!(self, Extension::Name | Extension::Token | Extension::Closed)
    }
}
