//! Which octets may stand where, and how to find the first that may not.
//!
//! Names and hosts are short: they are walked octet by octet over a table. Values and targets may be long: a scan of
//! them looks at eight octets a step with plain 64-bit arithmetic ("SIMD within a register"), which needs no `unsafe`
//! and no code for any one processor.

/// A set of octets that a scan runs over eight at a time.
pub(crate) trait Class {
    /// Whether `octet` is in the set.
    fn accepts(octet: u8) -> bool;

    /// The high bit of each of the eight octets in `word` that *may* be outside the set. Bits after the first octet
    /// that is reported may be wrong either way; no octet before it is outside.
    fn suspects(word: u64) -> u64;
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

/// One in every octet.
const ONES: u64 = u64::MAX / 255;
/// The high bit of every octet.
const HIGH: u64 = 0x80 * ONES;

/// The offset of the first octet at or after `from` that is not in the class, or the length of `bytes`.
#[inline(always)]
pub(crate) fn span_end<C: Class>(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let (words, last) = rest.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let suspects = C::suspects(u64::from_le_bytes(*word));
        if suspects != 0 {
            let sound = (suspects.trailing_zeros() / 8) as usize;
            if let Some(at) = word[sound..].iter().position(|&octet| !C::accepts(octet)) {
                return from + index * 8 + sound + at;
            }
        }
    }
    let end = last.iter().position(|&octet| !C::accepts(octet)).unwrap_or(last.len());
    from + words.len() * 8 + end
}

impl Class for Value {
    #[inline(always)]
    fn accepts(octet: u8) -> bool {
        (octet >= 0x20 && octet != 0x7f) || octet == b'\t'
    }

    /// All controls, HTAB too.
    #[inline(always)]
    fn suspects(word: u64) -> u64 {
        (below(word, 0x20) & !word | equal(word, 0x7f)) & HIGH
    }
}

impl Class for Target {
    #[inline(always)]
    fn accepts(octet: u8) -> bool {
        octet.wrapping_sub(0x21) < 0x5e && !matches!(octet, b'#' | b'<' | b'>')
    }

    /// All that is not visible ASCII, and `"`, `#` and `<` to `?`.
    #[inline(always)]
    fn suspects(word: u64) -> u64 {
        let specials = equal(word | ONES, b'#') | equal(word | (3 * ONES), b'?');
        (below(word, 0x21) | word.wrapping_add(ONES) | word | specials) & HIGH
    }
}

impl Class for Path {
    #[inline(always)]
    fn accepts(octet: u8) -> bool {
        Target::accepts(octet) && octet != b'?'
    }

    #[inline(always)]
    fn suspects(word: u64) -> u64 {
        Target::suspects(word)
    }
}

/// The high bit of each octet below `limit`, and of some from 0x80 up; exact up to the first, where a borrow begins.
#[inline(always)]
const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(limit as u64 * ONES)
}

/// The high bit of each octet equal to `octet`; exact up to the first, where a borrow begins.
#[inline(always)]
const fn equal(word: u64, octet: u8) -> u64 {
    let difference = word ^ (octet as u64 * ONES);
    difference.wrapping_sub(ONES) & !difference
}

/// Octets of tokens, which methods, field names and codings are: `tchar` of RFC 9110 section 5.6.2.
pub(crate) const TOKEN: &[bool; 256] = &table(b"!#$%&'*+-.^_`|~");

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

/// The offset of the first octet at or after `from` that is not in `table`, or the length of `bytes`.
#[inline(always)]
pub(crate) fn table_span_end(bytes: &[u8], from: usize, table: &[bool; 256]) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|&octet| !table[octet as usize]).unwrap_or(rest.len())
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
            for lane in 0..8 {
                for filler in [b'a', b'-', 0x00, 0x20, b'?', b'#', 0x7f, 0x80, 0xff, octet] {
                    let mut word = [filler; 16];
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
    fn a_scan_by_words_stops_where_a_scan_by_octets_does() {
        agrees_with_one_octet_at_a_time::<Value>();
        agrees_with_one_octet_at_a_time::<Target>();
        agrees_with_one_octet_at_a_time::<Path>();
    }

    #[test]
    fn white_space_is_trimmed_from_both_ends_only() {
        assert_eq!(trimmed(b" \t a \tb\t "), b"a \tb");
        assert_eq!(trimmed(b" \t "), b"");
    }
}
