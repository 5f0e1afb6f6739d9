//! PROXY protocol headers without I/O: bytes in, a decision out.
//!
//! A balancer that relays bytes hides its clients: every connection comes from the balancer. So it may begin each with a
//! header that names the client (HAProxy's `proxy-protocol.txt`, versions 1 and 2). [`Server::listen_proxied`] accepts such
//! connections; this is its parser.
//!
//! ```text
//!   version 1   PROXY TCP4 192.0.2.7 203.0.113.1 40000 443\r\n          text, at most 107 bytes
//!   version 2   \r\n\r\n\0\r\nQUIT\n │ 2, command │ family │ length │ addresses, then TLVs       binary, at most 65,551 bytes
//! ```
//!
//! It is strict where the specification is: single spaces, decimal ports without leading zeros, addresses of the family that is
//! named, no family that it does not know. TLVs are skipped, a checksum among them is not verified. Deliberately absent: writing
//! headers, and guessing whether there is one: the specification forbids that.
//!
//! [`Server::listen_proxied`]: crate::Server::listen_proxied

mod v1;
mod v2;

use std::net::SocketAddr;

/// What is known of a header so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// All bytes are here.
    Complete {
        /// How many bytes the header has; what follows is the connection's own.
        header_len: usize,
        /// Whom the connection is for.
        source: Source,
    },
    /// More bytes are needed.
    Partial,
}

/// Whom a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The client with this address, by TCP.
    Client(SocketAddr),
    /// A client without an address: it came to the proxy through a Unix socket.
    Unix,
    /// The proxy itself (`LOCAL`: a health check), or whom it does not say (`UNKNOWN`, `AF_UNSPEC`): the address it connects
    /// from is the peer's.
    Proxy,
}

/// Why bytes are no PROXY protocol header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// They do not begin as one. Most often the peer is no proxy, or one that was not told to send it.
    Missing,
    /// They begin as one, and this is wrong.
    Malformed(&'static str),
    /// It is longer than its limit.
    TooLarge,
}

impl std::fmt::Display for HeaderError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => formatter.write_str("no PROXY protocol header"),
            Self::Malformed(what) => write!(formatter, "malformed PROXY protocol header: {what}"),
            Self::TooLarge => formatter.write_str("PROXY protocol header over its limit"),
        }
    }
}

impl std::error::Error for HeaderError {}

/// Reads the header that `input` begins with, of either version. One of version 2 may have `max_bytes`, all its parts together;
/// one of version 1 has 107 at most.
///
/// ```
/// use corelay::proxy::{Parsed, Source, parse};
///
/// let input = b"PROXY TCP4 192.0.2.7 203.0.113.1 40000 443\r\nGET / HTTP/1.1\r\n";
/// let client = Source::Client("192.0.2.7:40000".parse().expect("an address"));
/// assert_eq!(parse(input, 4096), Ok(Parsed::Complete { header_len: 44, source: client }));
/// assert_eq!(parse(&input[..20], 4096), Ok(Parsed::Partial));
/// assert!(parse(b"GET / HTTP/1.1\r\n", 4096).is_err());
/// ```
///
/// # Errors
/// Bytes that no further bytes can make a header.
pub fn parse(input: &[u8], max_bytes: usize) -> Result<Parsed, HeaderError> {
    if agree(input, &v2::SIGNATURE) {
        v2::parse(input, max_bytes)
    } else if agree(input, v1::PREFIX) {
        v1::parse(input)
    } else {
        Err(HeaderError::Missing)
    }
}

/// Whether both are the same as far as both go.
fn agree(input: &[u8], signature: &[u8]) -> bool {
    input.iter().zip(signature).all(|(one, other)| one == other)
}

#[cfg(test)]
mod tests;
