//! Heads as a serving thread reads them: one that it has just read is not parsed again.
//!
//! Clients repeat themselves: what is pipelined mostly differs in nothing, and so do the requests of a load balancer's, a
//! health check's or a service's many connections. The same bytes mean the same under the same limits, so comparing
//! them with the head before, 100 bytes or so, replaces some 500 instructions of parsing.

use corelay_http::{Head, Limits, Parsed, RequestError, RequestHead};

/// Longer heads are parsed each time, in bytes: to keep a copy of them would cost more than it saves.
const KEPT_BYTES_MAX: usize = 512;

/// Whether the whole head `bytes`, which may begin with empty lines, is of a HEAD.
pub(super) fn is_of_head_request(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"HEAD ")
}

/// The head in hand, and the bytes of it if it is whole.
#[derive(Debug, Default)]
pub(crate) struct HeadReader {
    parser: RequestHead,
    /// What `parser` holds the meaning of; empty if that is unfinished, too long, or not there.
    known: Vec<u8>,
    repeats: bool,
}

impl HeadReader {
    /// Parses a head at the start of `input`. `fresh`: not the rest of one that was begun in an earlier turn.
    ///
    /// # Errors
    ///
    /// As [`RequestHead::parse`].
    #[inline(always)]
    pub(super) fn read(
        &mut self,
        fresh: bool,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Parsed, RequestError> {
        self.repeats = fresh && !self.known.is_empty() && input.starts_with(&self.known);
        if self.repeats {
            return Ok(Parsed::Complete { head_len: self.known.len() });
        }
        self.known.clear();
        let parsed = self.parser.restart(fresh).parse(input, limits)?;
        if let Parsed::Complete { head_len } = parsed
            && head_len <= KEPT_BYTES_MAX
        {
            self.known.extend_from_slice(&input[..head_len]);
        }
        Ok(parsed)
    }

    /// The head that was read last, which `input` begins with.
    #[inline(always)]
    pub(super) fn view<'a>(&'a self, input: &'a [u8]) -> Head<'a> {
        self.parser.view(input)
    }

    /// Whether the head that was read last is of a HEAD, were it malformed.
    pub(super) fn is_of_head_request(&self) -> bool {
        self.parser.is_of_head_request()
    }

    /// Whether the head that was read last is, byte for byte, the one before.
    #[inline(always)]
    pub(super) fn repeats(&self) -> bool {
        self.repeats
    }

    /// The progress through a head that is not whole: it goes with its connection.
    pub(super) fn take_unfinished(&mut self) -> RequestHead {
        self.known.clear();
        std::mem::take(&mut self.parser)
    }

    /// Goes on with a head from where an earlier turn stopped.
    pub(super) fn go_on_with(&mut self, parser: RequestHead) {
        self.known.clear();
        self.parser = parser;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    fn read(heads: &mut HeadReader, input: &str) -> Result<Parsed, RequestError> {
        heads.read(true, input.as_bytes(), &Limits::default())
    }

    fn get(path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
    }

    #[test]
    fn a_head_of_the_same_bytes_repeats_wherever_it_lies() {
        let mut heads = HeadReader::default();
        let parsed = read(&mut heads, &get("/a")).unwrap();
        assert!(!heads.repeats());
        let again = get("/a") + "behind it";
        assert_eq!(read(&mut heads, &again), Ok(parsed));
        assert!(heads.repeats());
        assert_eq!(heads.view(again.as_bytes()).path(), "/a");
    }

    #[test]
    fn another_head_does_not_repeat_and_is_what_may_be_repeated() {
        let mut heads = HeadReader::default();
        for path in ["/a", "/b", "/abc", "/a"] {
            read(&mut heads, &get(path)).unwrap();
            assert!(!heads.repeats());
            assert_eq!(heads.view(get(path).as_bytes()).path(), path);
        }
        read(&mut heads, &get("/a")).unwrap();
        assert!(heads.repeats());
    }

    #[test]
    fn part_of_a_head_or_a_wrong_one_leaves_nothing_to_repeat() {
        for other in ["GET /a HT", "GET /a HTTP/1.1\r\nHost : a\r\n\r\n"] {
            let mut heads = HeadReader::default();
            read(&mut heads, &get("/a")).unwrap();
            let _ = read(&mut heads, other);
            read(&mut heads, &get("/a")).unwrap();
            assert!(!heads.repeats(), "{other}");
        }
    }

    #[test]
    fn a_head_that_comes_in_parts_is_parsed_on_and_not_compared() {
        let (whole, mut heads) = (get("/a"), HeadReader::default());
        read(&mut heads, &whole).unwrap();
        assert_eq!(read(&mut heads, &whole[..9]), Ok(Parsed::Partial));
        let begun = heads.take_unfinished();
        read(&mut heads, &get("/b")).unwrap();
        heads.go_on_with(begun);
        let parsed = heads.read(false, whole.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(parsed, Parsed::Complete { head_len: whole.len() });
        assert!(!heads.repeats());
        assert_eq!(heads.view(whole.as_bytes()).path(), "/a");
    }

    #[test]
    fn a_long_head_is_parsed_each_time() {
        let (long, mut heads) = (get(&"/a".repeat(KEPT_BYTES_MAX)), HeadReader::default());
        read(&mut heads, &long).unwrap();
        read(&mut heads, &long).unwrap();
        assert!(!heads.repeats());
    }
}
