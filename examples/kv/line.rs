//! Inline commands: a line as a person types it into `telnet`, split into words as redis splits it (`sdssplitargs`).
//!
//! Words end at blanks. Within double quotes `\n \r \t \b \a \xHH` and any escaped octet mean what they mean in C; within
//! single quotes only `\'` is one. A closing quote ends its word.

/// A quote that is not closed, or closed within a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unbalanced;

/// The words of a line.
pub(crate) fn words(line: &[u8]) -> Result<Vec<Vec<u8>>, Unbalanced> {
    let (mut words, mut rest) = (Vec::new(), line.trim_ascii_start());
    while !rest.is_empty() {
        let (word, after) = word(rest)?;
        words.push(word);
        rest = after.trim_ascii_start();
    }
    Ok(words)
}

/// The line as an array of bulk strings, to be read like any other request.
pub(crate) fn as_array(line: &[u8]) -> Result<Vec<u8>, Unbalanced> {
    let words = words(line)?;
    let mut array = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        array.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        array.extend_from_slice(&word);
        array.extend_from_slice(b"\r\n");
    }
    Ok(array)
}

/// The word that `rest` begins with, and what follows it.
fn word(mut rest: &[u8]) -> Result<(Vec<u8>, &[u8]), Unbalanced> {
    let mut word = Vec::new();
    loop {
        match rest {
            [] => return Ok((word, rest)),
            [blank, ..] if blank.is_ascii_whitespace() => return Ok((word, rest)),
            [quote @ (b'"' | b'\''), after @ ..] => {
                let after = quoted(*quote, after, &mut word)?;
                let ends = after.first().is_none_or(u8::is_ascii_whitespace);
                return if ends { Ok((word, after)) } else { Err(Unbalanced) };
            }
            [octet, after @ ..] => {
                word.push(*octet);
                rest = after;
            }
        }
    }
}

/// Up to the closing quote; what follows it.
fn quoted<'a>(quote: u8, mut rest: &'a [u8], word: &mut Vec<u8>) -> Result<&'a [u8], Unbalanced> {
    loop {
        let (octet, after) = match rest {
            [] => return Err(Unbalanced),
            [octet, after @ ..] if *octet == quote => return Ok(after),
            [b'\\', b'\'', after @ ..] if quote == b'\'' => (b'\'', after),
            [b'\\', b'x', high, low, after @ ..]
                if quote == b'"' && high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                (digit(*high) << 4 | digit(*low), after)
            }
            [b'\\', escaped, after @ ..] if quote == b'"' => (control(*escaped), after),
            [octet, after @ ..] => (*octet, after),
        };
        word.push(octet);
        rest = after;
    }
}

fn digit(hexadecimal: u8) -> u8 {
    char::from(hexadecimal).to_digit(16).map_or(0, |digit| digit as u8)
}

fn control(escaped: u8) -> u8 {
    match escaped {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_end_at_blanks() {
        assert_eq!(words(b"  SET a\t 1 \r\n").unwrap(), [b"SET".as_slice(), b"a", b"1"]);
        assert_eq!(words(b"\r\n").unwrap(), [b""; 0]);
        assert_eq!(as_array(b"GET a\r\n").unwrap(), b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
    }

    #[test]
    fn quotes_hold_blanks_and_escapes() {
        let line = br#"a "b c" 'd \'e\' \n' "\x41\n\q\"" """#;
        assert_eq!(words(line).unwrap(), [b"a".as_slice(), b"b c", br"d 'e' \n", b"A\nq\"", b""]);
    }

    #[test]
    fn a_quote_that_is_open_or_ends_within_a_word_is_refused() {
        for line in [r#"a "b"#, "'", r#""a"b"#, r#""\"#, r"'a\'"] {
            assert_eq!(words(line.as_bytes()), Err(Unbalanced), "{line}");
        }
    }

    proptest! {
        #[test]
        fn quoted_octets_come_back(given in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..5)) {
            let hexadecimal = |word: &Vec<u8>| word.iter().map(|octet| format!("\\x{octet:02x}")).collect::<String>();
            let line: String = given.iter().map(|word| format!("\"{}\" ", hexadecimal(word))).collect();
            prop_assert_eq!(words(line.as_bytes()), Ok(given));
        }

        #[test]
        fn any_line_is_words_or_unbalanced(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(words) = words(&line) {
                prop_assert!(words.iter().map(Vec::len).sum::<usize>() <= line.len());
            }
        }
    }
}
