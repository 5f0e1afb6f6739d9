//! `host [":" port]` (RFC 9110 section 7.2, RFC 3986 section 3.2.2).

use crate::octets::{HOST, Host, span_end};
use std::net::Ipv6Addr;

/// Whether `value` is a host with an optional port: a registered name, an IPv4 address or an IPv6 address in
/// brackets. Empty is not, with a port or without: the target of an `http` request has a host (RFC 9110 section 4.2.1),
/// and where none is named the server would have to have one that is meant (RFC 9112 section 3.3).
///
/// Narrower than RFC 3986 where nobody needs the width: no comma (two Hosts folded into one by an intermediary), no
/// IPvFuture, no zone, and a port that fits 16 bits. Userinfo is refused (RFC 9110 section 4.2.4).
pub(super) fn is_host(value: &[u8]) -> bool {
    is_host_within(value, value.len())
}

/// [`is_host`] of the first `len` bytes. `input` may go on behind them, which lets short hosts be looked at in one step.
#[inline(always)]
pub(super) fn is_host_within(input: &[u8], len: usize) -> bool {
    let Some(value) = input.get(..len) else { return false };
    let end = span_end::<Host>(input, 0).min(len);
    match value.get(end..) {
        Some([]) => end > 0,
        Some([b':', port @ ..]) => end > 0 && is_port(port),
        _ => is_unusual_host(value),
    }
}

#[inline(never)]
fn is_unusual_host(value: &[u8]) -> bool {
    split(value).is_some_and(|(_, port)| port.is_none_or(is_port))
}

/// Whether `value` is `host:port` with neither left out, as CONNECT wants it (RFC 9112 section 3.2.3).
pub(super) fn is_authority(value: &[u8]) -> bool {
    match split(value) {
        Some((host, Some(port))) => !host.is_empty() && !port.is_empty() && is_port(port),
        _ => false,
    }
}

/// The well-formed host at the start of `value`, and the port after its colon, unchecked.
fn split(value: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let host_len = if value.first() == Some(&b'[') { address_len(value)? } else { name_len(value)? };
    let (host, rest) = value.split_at(host_len);
    match rest {
        [] => Some((host, None)),
        [b':', port @ ..] => Some((host, Some(port))),
        _ => None,
    }
}

fn address_len(value: &[u8]) -> Option<usize> {
    let closing = value.iter().position(|&octet| octet == b']')?;
    let address = std::str::from_utf8(&value[1..closing]).ok()?;
    address.parse::<Ipv6Addr>().ok()?;
    Some(closing + 1)
}

fn name_len(value: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match value.get(at) {
            None | Some(b':') => return Some(at),
            Some(b'%') => {
                let digits = value.get(at + 1..at + 3)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                at += 3;
            }
            Some(&octet) if HOST[octet as usize] || b"~!$&'()*+;=".contains(&octet) => at += 1,
            Some(_) => return None,
        }
    }
}

#[inline(always)]
fn is_port(digits: &[u8]) -> bool {
    // Of equally many digits the greater text is the greater number.
    digits.iter().all(u8::is_ascii_digit)
        && (digits.len() < 5 || digits.len() == 5 && digits <= &b"65535"[..])
}
