//! `host [":" port]` (RFC 9110 section 7.2, RFC 3986 section 3.2.2).

use crate::octets::span_end;
use std::net::Ipv6Addr;

/// Whether `value` is a host with an optional port: a registered name, an IPv4 address or an IPv6 address in
/// brackets. Empty is valid (RFC 9112 section 3.2).
///
/// Narrower than RFC 3986 where nobody needs the width: no comma (two Hosts folded into one by an intermediary), no
/// IPvFuture, no zone, and a port that fits 16 bits. Userinfo is refused (RFC 9110 section 4.2.4).
#[inline]
pub(super) fn is_host(value: &[u8]) -> bool {
    let end = span_end(value, 0, is_plain);
    if end == value.len() {
        return true;
    }
    match value[end] {
        b':' => is_port(&value[end + 1..]),
        _ => split(value).is_some_and(|(_, port)| port.is_none_or(is_port)),
    }
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
            Some(&octet) if is_plain(octet) || b"~!$&'()*+;=".contains(&octet) => at += 1,
            Some(_) => return None,
        }
    }
}

/// The octets that nearly every host is made of.
#[inline(always)]
const fn is_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'.' || octet == b'_'
}

#[inline(always)]
fn is_port(digits: &[u8]) -> bool {
    digits.len() <= 5
        && digits.iter().all(u8::is_ascii_digit)
        && digits.iter().fold(0, |port, digit| port * 10 + u32::from(digit - b'0')) <= u32::from(u16::MAX)
}
