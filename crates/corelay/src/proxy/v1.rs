//! Version 1: a line of text (section 2.1).

use super::{HeaderError, Parsed, Source};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

pub(super) const PREFIX: &[u8] = b"PROXY ";

/// The longest line, its CRLF included.
const LINE_BYTES_MAX: usize = 107;

/// Reads a header that begins with [`PREFIX`], as far as it is here.
pub(super) fn parse(input: &[u8]) -> Result<Parsed, HeaderError> {
    let line = &input[..input.len().min(LINE_BYTES_MAX)];
    let Some(end) = line.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return partial(input);
    };
    match (line[end], line.get(end + 1)) {
        (b'\r', Some(b'\n')) => {
            let source = source(line.get(PREFIX.len()..end).unwrap_or_default())?;
            Ok(Parsed::Complete { header_len: end + 2, source })
        }
        (b'\r', None) => partial(input),
        _ => Err(HeaderError::Malformed("its line does not end in CRLF")),
    }
}

/// There is no whole line.
fn partial(input: &[u8]) -> Result<Parsed, HeaderError> {
    if input.len() >= LINE_BYTES_MAX { Err(HeaderError::TooLarge) } else { Ok(Parsed::Partial) }
}

/// The line between [`PREFIX`] and CRLF.
fn source(line: &[u8]) -> Result<Source, HeaderError> {
    if !line.is_ascii() {
        return Err(HeaderError::Malformed("its line is not ASCII"));
    }
    let mut words = line.split(|byte| *byte == b' ');
    match words.next() {
        // Whatever follows is to be ignored.
        Some(b"UNKNOWN") => Ok(Source::Proxy),
        Some(b"TCP4") => client::<Ipv4Addr>(words),
        Some(b"TCP6") => client::<Ipv6Addr>(words),
        _ => Err(HeaderError::Malformed("it names no protocol but TCP4, TCP6 and UNKNOWN")),
    }
}

/// Addresses and ports, of the client and of the proxy.
fn client<'a, A: FromStr + Into<IpAddr>>(
    mut words: impl Iterator<Item = &'a [u8]>,
) -> Result<Source, HeaderError> {
    let mut address = || words.next().and_then(|word| std::str::from_utf8(word).ok()?.parse::<A>().ok());
    let (Some(client), Some(_)) = (address(), address()) else {
        return Err(HeaderError::Malformed("an address is missing, or not one of its protocol"));
    };
    let (Some(port), Some(_), None) = (port(words.next()), port(words.next()), words.next()) else {
        return Err(HeaderError::Malformed("it does not end in two ports"));
    };
    Ok(Source::Client(SocketAddr::new(client.into(), port)))
}

/// Decimal, without leading zeros.
fn port(word: Option<&[u8]>) -> Option<u16> {
    match word? {
        b"0" => Some(0),
        [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
            std::str::from_utf8(word?).ok()?.parse().ok()
        }
        _ => None,
    }
}
