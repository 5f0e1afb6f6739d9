//! Version 2: binary (section 2.2).
//!
//! ```text
//!    0          12            13                 14     16
//!    │ signature │ 2 │ command │ family │ transport │ length │ addresses and ports, TLVs │
//! ```

use super::{HeaderError, Parsed, Source};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

pub(super) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family, length.
const FIXED_BYTES: usize = 16;
/// Both addresses of a pair of Unix sockets.
const UNIX_BYTES: usize = 216;

const TOO_SHORT: HeaderError = HeaderError::Malformed("it is shorter than the addresses of its family");

/// Reads a header that begins with [`SIGNATURE`], as far as it is here. It may have `max_bytes`.
pub(super) fn parse(input: &[u8], max_bytes: usize) -> Result<Parsed, HeaderError> {
    let Some(([.., version_and_command, family, high, low], rest)) = input.split_first_chunk::<FIXED_BYTES>()
    else {
        return Ok(Parsed::Partial);
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let header_len = FIXED_BYTES + length;
    if header_len > max_bytes {
        return Err(HeaderError::TooLarge);
    }
    let local = match version_and_command {
        0x20 => true,
        0x21 => false,
        _ => return Err(HeaderError::Malformed("it is not of version 2 with the command LOCAL or PROXY")),
    };
    let Some(addresses) = rest.get(..length) else { return Ok(Parsed::Partial) };
    // Of a connection that the proxy makes by itself, family and addresses are to be ignored.
    let source = if local { Source::Proxy } else { source(*family, addresses)? };
    Ok(Parsed::Complete { header_len, source })
}

fn source(family: u8, addresses: &[u8]) -> Result<Source, HeaderError> {
    match family {
        0x00 => Ok(Source::Proxy),
        0x11 => ipv4(addresses).ok_or(TOO_SHORT),
        0x21 => ipv6(addresses).ok_or(TOO_SHORT),
        0x31 if addresses.len() < UNIX_BYTES => Err(TOO_SHORT),
        0x31 => Ok(Source::Unix),
        0x12 | 0x22 | 0x32 => Err(HeaderError::Malformed("it speaks of datagrams, and this is a stream")),
        _ => Err(HeaderError::Malformed("its address family or transport is not one of version 2")),
    }
}

/// The client's address, the proxy's, the client's port, the proxy's.
fn ipv4(addresses: &[u8]) -> Option<Source> {
    let (client, rest) = addresses.split_first_chunk::<4>()?;
    let (_, rest) = rest.split_first_chunk::<4>()?;
    let ([high, low, _, _], _) = rest.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([*high, *low]);
    Some(Source::Client(SocketAddr::new(Ipv4Addr::from(*client).into(), port)))
}

/// The same, longer.
fn ipv6(addresses: &[u8]) -> Option<Source> {
    let (client, rest) = addresses.split_first_chunk::<16>()?;
    let (_, rest) = rest.split_first_chunk::<16>()?;
    let ([high, low, _, _], _) = rest.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([*high, *low]);
    Some(Source::Client(SocketAddr::new(Ipv6Addr::from(*client).into(), port)))
}
