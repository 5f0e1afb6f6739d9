//! Which octets may stand where, and how to find the first that may not.
//!
//! A scan looks at sixteen octets a step, with the vectors that every 64-bit processor has (through `wide`, so that
//! there is no `unsafe` and no code for any one processor here), and at single octets only behind the last sixteen.

use wide::u8x16;

/// A set of octets that a scan runs over sixteen at a time.
pub(crate) trait Class {
    /// Whether every suspect is outside.
    const EXACT: bool;

    /// Whether `octet` is in the set.
    fn accepts(octet: u8) -> bool;

    /// All ones in each of the sixteen octets that is outside the set or, unless [`Class::EXACT`], may be; none that is
    /// outside is missed.
    fn suspects(octets: u8x16) -> u8x16;
}

/// What field values are made of: VCHAR, obs-text, SP and HTAB (RFC 9110 section 5.5).
pub(crate) struct Value;

/// What a request target is made of here: visible ASCII but `#`, `<` and `>`.
///
/// Wider than RFC 3986, because browsers send `|`, `{`, `}`, `^`, `[`, `]`, `\` and backticks raw in queries, and
/// programs send `"`, and every popular server takes them; `#` would be a fragment, which is never sent, and nobody
/// sends `<` or `>`.
pub(crate) struct Target;

/// [`Target`] without `?`.
pub(crate) struct Path;

/// What methods, field names and codings are made of: `tchar` of RFC 9110 section 5.6.2.
pub(crate) struct Token;

/// What nearly every host is made of; RFC 3986 section 3.2.2 allows more.
pub(crate) struct Host;

/// Octets of a step.
const STEP: usize = 16;

/// The offset of the first octet at or after `from` that is not in the class, or the length of `bytes`.
#[inline(always)]
pub(crate) fn span_end<C: Class>(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(octets) = bytes.get(at..).and_then(|rest| rest.first_chunk::<STEP>()) {
        let mut suspects = C::suspects(u8x16::new(*octets)).to_bitmask();
        while suspects != 0 {
            let suspect = suspects.trailing_zeros() as usize;
            if C::EXACT || !C::accepts(octets[suspect % STEP]) {
                return at + suspect;
            }
            suspects &= suspects - 1;
        }
        at += STEP;
    }
    last_octets_end::<C>(bytes, at)
}

/// The same, one octet at a time: for fewer than [`STEP`].
#[inline]
fn last_octets_end<C: Class>(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|&octet| !C::accepts(octet)).unwrap_or(rest.len())
}

impl Class for Value {
    const EXACT: bool = true;

    #[inline(always)]
    fn accepts(octet: u8) -> bool {
        (octet >= 0x20 && octet != 0x7f) || octet == b'\t'
    }

    #[inline(always)]
    fn suspects(octets: u8x16) -> u8x16 {
        let tabs = octets.simd_eq(u8x16::splat(b'\t'));
        (within(octets, 0, 0x1f) & !tabs) | octets.simd_eq(u8x16::splat(0x7f))
    }
}

impl Class for Target {
    const EXACT: bool = true;

    #[inline(always)]
    fn accepts(octet: u8) -> bool {
        octet.wrapping_sub(0x21) < 0x5e && !matches!(octet, b'#' | b'<' | b'>')
    }

    #[inline(always)]
    fn suspects(octets: u8x16) -> u8x16 {
        // `<` and `>` differ in one bit.
        let angles = (octets | u8x16::splat(2)).simd_eq(u8x16::splat(b'>'));
        !within(octets, 0x21, 0x7e) | angles | octets.simd_eq(u8x16::splat(b'#'))
    }
}

impl Class for Path {
    const EXACT: bool = true;

    #[inline(always)]
    fn accepts(octet: u8) -> bool {
        Target::accepts(octet) && octet != b'?'
    }

    #[inline(always)]
    fn suspects(octets: u8x16) -> u8x16 {
        Target::suspects(octets) | octets.simd_eq(u8x16::splat(b'?'))
    }
}

impl Class for Token {
    const EXACT: bool = false;

    #[inline(always)]
    fn accepts(octet: u8) -> bool {
        is_token(octet)
    }

    /// All but letters, digits and `-`, which is what names are made of.
    #[inline(always)]
    fn suspects(octets: u8x16) -> u8x16 {
        !(alphanumeric(octets) | octets.simd_eq(u8x16::splat(b'-')))
    }
}

impl Class for Host {
    const EXACT: bool = false;

    #[inline(always)]
    fn accepts(octet: u8) -> bool {
        HOST[octet as usize]
    }

    /// All but letters, digits, `-` and `.`.
    #[inline(always)]
    fn suspects(octets: u8x16) -> u8x16 {
        !(alphanumeric(octets) | within(octets, b'-', b'.'))
    }
}

/// All ones in each octet from `low` to `high`.
#[inline(always)]
fn within(octets: u8x16, low: u8, high: u8) -> u8x16 {
    let above_low = octets - u8x16::splat(low);
    above_low.min(u8x16::splat(high - low)).simd_eq(above_low)
}

/// All ones in each octet that is a letter or a digit. Upper and lower case differ in one bit.
#[inline(always)]
fn alphanumeric(octets: u8x16) -> u8x16 {
    within(octets | u8x16::splat(0x20), b'a', b'z') | within(octets, b'0', b'9')
}

/// Octets of tokens, which methods, field names and codings are: `tchar` of RFC 9110 section 5.6.2.
const TOKEN: &[bool; 256] = &table(b"!#$%&'*+-.^_`|~");

/// What nearly every host is made of; RFC 3986 section 3.2.2 allows more.
pub(crate) const HOST: &[bool; 256] = &table(b"-._");

/// Letters, digits and `others`.
const fn table(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = (octet as u8).is_ascii_alphanumeric();
        octet += 1;
    }
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
}

/// Whether `octet` may stand in a token.
#[inline(always)]
pub(crate) const fn is_token(octet: u8) -> bool {
    TOKEN[octet as usize]
}

/// Whether `octet` is optional white space (RFC 9110 section 5.6.3).
#[inline(always)]
pub(crate) const fn is_white(octet: u8) -> bool {
    octet == b' ' || octet == b'\t'
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every octet in every lane, among accepted neighbours, refused neighbours and itself.
    fn agrees_with_one_octet_at_a_time<C: Class>() {
        for octet in 0..=255u8 {
            for lane in 0..STEP {
                for filler in [b'a', b'-', 0x00, 0x20, b'?', b'#', 0x7f, 0x80, 0xff, octet] {
                    let mut word = [filler; 2 * STEP];
                    word[lane] = octet;
                    for before in [b'a', b'0', b'.', b'-'] {
                        word[..lane].fill(before);
                        let slow = word.iter().position(|&octet| !C::accepts(octet)).unwrap_or(word.len());
                        assert_eq!(span_end::<C>(&word, 0), slow, "{word:x?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_scan_by_steps_stops_where_a_scan_by_octets_does() {
        agrees_with_one_octet_at_a_time::<Value>();
        agrees_with_one_octet_at_a_time::<Target>();
        agrees_with_one_octet_at_a_time::<Path>();
        agrees_with_one_octet_at_a_time::<Token>();
        agrees_with_one_octet_at_a_time::<Host>();
    }

    #[test]
    fn white_space_is_trimmed_from_both_ends_only() {
        assert_eq!(trimmed(b" \t a \tb\t "), b"a \tb");
        assert_eq!(trimmed(b" \t "), b"");
    }
}
