//! Which octets may stand where, and how to find the first that may not.
//!
//! Scans look at sixteen octets a step: the classification is written over a fixed array so that the compiler turns
//! it into vector instructions on any platform, with no platform-specific code and no `unsafe` here.

/// `tchar` of RFC 9110 section 5.6.2.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = (octet as u8).is_ascii_alphanumeric();
        octet += 1;
    }
    let others = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
};

/// Whether `octet` may stand in a token: a method, a field name, a transfer coding.
#[inline(always)]
pub(crate) const fn is_token(octet: u8) -> bool {
    TOKEN[octet as usize]
}

/// Whether `octet` may stand in a field value: VCHAR, obs-text, SP and HTAB (RFC 9110 section 5.5).
#[inline(always)]
pub(crate) const fn is_value(octet: u8) -> bool {
    (octet >= 0x20 && octet != 0x7f) || octet == b'\t'
}

/// Whether `octet` may stand in a request target: visible ASCII but `#`, `<` and `>`.
///
/// Wider than RFC 3986, because browsers send `|`, `{`, `}`, `^`, `[`, `]`, `\` and backticks raw in queries and
/// every popular server takes them; `#` would be a fragment, which is never sent, and nobody sends `<` or `>`.
#[inline(always)]
pub(crate) const fn is_target(octet: u8) -> bool {
    octet.wrapping_sub(0x21) < 0x5e && octet != b'#' && octet != b'<' && octet != b'>'
}

/// Whether `octet` is optional white space (RFC 9110 section 5.6.3).
#[inline(always)]
pub(crate) const fn is_white(octet: u8) -> bool {
    octet == b' ' || octet == b'\t'
}

/// The offset of the first octet at or after `from` that `accept` refuses, or the length of `bytes`.
#[inline(always)]
pub(crate) fn span_end(bytes: &[u8], from: usize, accept: impl Fn(u8) -> bool + Copy) -> usize {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        let refused = chunk.map(|octet| if accept(octet) { 0 } else { 0xff });
        let lanes = u128::from_le_bytes(refused);
        if lanes != 0 {
            return at + (lanes.trailing_zeros() / 8) as usize;
        }
        at += 16;
    }
    while at < bytes.len() && accept(bytes[at]) {
        at += 1;
    }
    at
}

/// `value` without optional white space around it.
#[inline(always)]
pub(crate) fn trimmed(value: &[u8]) -> &[u8] {
    let mut rest = value;
    while let [first, tail @ ..] = rest
        && is_white(*first)
    {
        rest = tail;
    }
    while let [head @ .., last] = rest
        && is_white(*last)
    {
        rest = head;
    }
    rest
}
