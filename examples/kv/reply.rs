//! Replies as RESP2 writes them, at the end of what is to be sent; and reading those that a command was split into.

/// `OK`, as most commands that change something say.
pub(crate) const OK: &[u8] = b"+OK\r\n";
/// No value.
pub(crate) const NULL: &[u8] = b"$-1\r\n";

/// An error. Its text is on one line: line ends in it, which can come from a request, become blanks.
pub(crate) fn error(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'-');
    out.extend(text.iter().map(|octet| if matches!(octet, b'\r' | b'\n') { b' ' } else { *octet }));
    out.extend_from_slice(b"\r\n");
}

pub(crate) fn integer(out: &mut Vec<u8>, number: i64) {
    header(out, b':', number);
}

/// How many replies the array has that follow.
pub(crate) fn array(out: &mut Vec<u8>, count: usize) {
    header(out, b'*', count as i64);
}

#[inline]
pub(crate) fn bulk(out: &mut Vec<u8>, octets: &[u8]) {
    match octets.len() {
        // The usual value is short, and its length one digit.
        length @ 0..=9 => out.extend_from_slice(&[b'$', b'0' + length as u8, b'\r', b'\n']),
        length => header(out, b'$', length as i64),
    }
    out.extend_from_slice(octets);
    out.extend_from_slice(b"\r\n");
}

fn header(out: &mut Vec<u8>, kind: u8, number: i64) {
    let mut digits = Digits::default();
    out.push(kind);
    out.extend_from_slice(digits.of(number));
    out.extend_from_slice(b"\r\n");
}

/// A number in decimal, without an allocation.
#[derive(Default)]
pub(crate) struct Digits([u8; 20]);

impl Digits {
    pub(crate) fn of(&mut self, number: i64) -> &[u8] {
        let (mut at, mut rest) = (self.0.len(), number.unsigned_abs());
        loop {
            at -= 1;
            self.0[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            at -= 1;
            self.0[at] = b'-';
        }
        &self.0[at..]
    }
}

/// How the replies to the parts of a command become the reply to the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    /// They are one after another, behind the head of an array.
    Array,
    /// Integers: their sum.
    Sum,
    /// OK, or the first error.
    Ok,
    /// Counts of shards, of which the server makes the text of INFO.
    Report,
}

/// Makes one reply of what was written since `start`, which are the replies to the parts.
pub(crate) fn fold(out: &mut Vec<u8>, start: usize, fold: Fold) {
    if matches!(fold, Fold::Array | Fold::Report) {
        return;
    }
    let parts = out.get(start..).unwrap_or_default();
    let failed = parts.split_inclusive(|octet| *octet == b'\n').find(|part| part.starts_with(b"-"));
    let reply = match (failed, fold) {
        (Some(error), _) => error.to_vec(),
        (None, Fold::Sum) => {
            let mut reply = Vec::new();
            integer(&mut reply, sum(parts));
            reply
        }
        (None, _) => OK.to_vec(),
    };
    out.truncate(start);
    out.extend_from_slice(&reply);
}

/// The sum of integers that were written one after another.
pub(crate) fn sum(integers: &[u8]) -> i64 {
    integers.split(|octet| *octet == b'\n').filter_map(numeric).sum()
}

/// The number of a line `:number CR`.
pub(crate) fn numeric(line: &[u8]) -> Option<i64> {
    std::str::from_utf8(line.strip_prefix(b":")?.strip_suffix(b"\r")?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = b"before".to_vec();
        write(&mut out);
        out.split_off(6)
    }

    #[test]
    fn each_kind_is_written_as_the_protocol_wants_it() {
        assert_eq!(written(|out| error(out, b"ERR a\r\nb")), b"-ERR a  b\r\n");
        assert_eq!(written(|out| array(out, 12)), b"*12\r\n");
        assert_eq!(written(|out| bulk(out, b"123456789")), b"$9\r\n123456789\r\n");
        assert_eq!(written(|out| bulk(out, b"0123456789")), b"$10\r\n0123456789\r\n");
        for number in [0, 7, -7, 10, i64::MAX, i64::MIN] {
            assert_eq!(written(|out| integer(out, number)), format!(":{number}\r\n").as_bytes());
        }
    }

    #[test]
    fn the_replies_to_parts_become_one() {
        let folded = |parts: &[u8], how| {
            written(|out| {
                let start = out.len();
                out.extend_from_slice(parts);
                fold(out, start, how);
            })
        };
        assert_eq!(folded(b":1\r\n:0\r\n:-41\r\n", Fold::Sum), b":-40\r\n");
        assert_eq!(folded(b"", Fold::Sum), b":0\r\n");
        assert_eq!(folded(b"+OK\r\n+OK\r\n", Fold::Ok), OK);
        assert_eq!(folded(b"+OK\r\n-OOM a\r\n-OOM b\r\n", Fold::Ok), b"-OOM a\r\n");
        assert_eq!(folded(b"$1\r\n-\r\n", Fold::Array), b"$1\r\n-\r\n");
    }
}
