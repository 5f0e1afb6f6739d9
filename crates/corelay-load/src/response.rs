//! Reads one answer from the bytes of a connection; no socket here.
//!
//! ```text
//!          head whole                 body whole
//!  Head ───────────────▶ Body ──────────────────────▶ Head, with an Answer
//!   │ │ no length                 connection ends
//!   │ └───────────────▶ UntilClose ─────────────────▶ Head, with an Answer
//!   └ 1xx: read on at the next head (RFC 9110 section 15.2)
//! ```
//!
//! Strict where it must be to trust a count: two lengths or an unknown transfer coding are [`BadFraming`], and so is, for who
//! feeds it, a byte after the last answer that was asked for. Heads are httparse's, chunks corelay-http's.

use crate::call::{self, Codec, Verdict};
use corelay_http::{BodyDecoder, Framing, Limits};
use std::mem::MaybeUninit;

/// A longer head is not waited for.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const FIELDS_MAX: usize = 100;

/// Not an answer of the protocol, or more of them than were asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadFraming;

/// One whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    /// `None` where the protocol has none.
    pub(crate) status: Option<u16>,
    /// Body bytes, without their framing.
    pub(crate) body_bytes: u64,
    /// Whether the connection may be used again (RFC 9112 section 9.3).
    pub(crate) keeps_alive: bool,
    /// Of a call that failed: with which code.
    pub(crate) code: Option<&'static str>,
}

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A request of HTTP, or a frame.
    Plain,
    /// HEAD: the answer has no body, whatever its fields say (RFC 9112 section 6.3).
    Head,
    /// A unary call of the Connect protocol.
    Call(Codec),
}

impl Answer {
    /// Whether it is what was asked for: a status of 2xx, where there is one, and of a call no error.
    pub(crate) fn is_success(&self) -> bool {
        self.code.is_none() && self.status.is_none_or(|status| (200..300).contains(&status))
    }
}

/// Where in an answer the connection is.
#[derive(Debug, Default)]
pub(crate) struct ResponseReader {
    /// A head that is not whole yet.
    partial: Vec<u8>,
    stage: Stage,
    /// What is here of a body that names the code of a call that failed.
    error: Option<Vec<u8>>,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Head,
    Body(BodyDecoder, Answer),
    UntilClose(Answer),
}

/// What a head says.
struct Head<'i> {
    bytes: usize,
    status: u16,
    keeps_alive: bool,
    framing: Option<Framing>,
    content_type: Option<&'i [u8]>,
}

/// How far a feed went: the bytes that are done with, and the answer that ended there.
pub(crate) type Fed = Result<(usize, Option<Answer>), BadFraming>;

impl ResponseReader {
    /// Takes the next bytes, up to the end of an answer; without one, all of them are taken.
    pub(crate) fn feed(&mut self, input: &[u8], asked: Asked) -> Fed {
        let Stage::Head = self.stage else { return self.feed_body(input) };
        if self.partial.is_empty() {
            return self.feed_head(input, asked);
        }
        let mut all = std::mem::take(&mut self.partial);
        let before = all.len();
        all.extend_from_slice(input);
        let (consumed, answer) = self.feed_head(&all, asked)?;
        // A partial head is no whole one: what ends in `all` ends behind it.
        Ok((consumed.saturating_sub(before), answer))
    }

    /// The connection ended: the answer, if that is what ends it.
    pub(crate) fn end(&mut self) -> Option<Answer> {
        match std::mem::take(&mut self.stage) {
            Stage::UntilClose(answer) => Some(self.conclude(answer)),
            Stage::Head | Stage::Body(..) => None,
        }
    }

    fn feed_head(&mut self, input: &[u8], asked: Asked) -> Fed {
        let mut consumed = 0;
        loop {
            let rest = &input[consumed..];
            let Some(head) = parse(rest, asked)? else {
                self.partial.extend_from_slice(rest);
                return if rest.len() > HEAD_BYTES_MAX { Err(BadFraming) } else { Ok((input.len(), None)) };
            };
            consumed += head.bytes;
            if (100..200).contains(&head.status) {
                continue;
            }
            let answer = self.begin(&head, asked);
            self.stage = match head.framing {
                Some(framing) => Stage::Body(BodyDecoder::new(framing), answer),
                None => Stage::UntilClose(Answer { keeps_alive: false, ..answer }),
            };
            let (of_body, answer) = self.feed_body(&input[consumed..])?;
            return Ok((consumed + of_body, answer));
        }
    }

    /// The answer that a head begins.
    fn begin(&mut self, head: &Head<'_>, asked: Asked) -> Answer {
        let code = match asked {
            Asked::Plain | Asked::Head => None,
            Asked::Call(codec) => match call::judge(head.status, head.content_type, codec) {
                Verdict::Good => None,
                Verdict::Failed(code) => Some(code),
                Verdict::FailedUnless(code) => {
                    self.error = Some(Vec::new());
                    Some(code)
                }
            },
        };
        Answer { status: Some(head.status), body_bytes: 0, keeps_alive: head.keeps_alive, code }
    }

    fn feed_body(&mut self, input: &[u8]) -> Fed {
        let Self { stage, error, .. } = self;
        let mut keep = |data: &[u8]| error.iter_mut().for_each(|body| call::keep(body, data));
        let (decoder, answer) = match stage {
            Stage::Head => return Ok((0, None)),
            Stage::UntilClose(answer) => {
                answer.body_bytes += input.len() as u64;
                keep(input);
                return Ok((input.len(), None));
            }
            Stage::Body(decoder, answer) => (decoder, answer),
        };
        let mut consumed = 0;
        while !decoder.is_complete() {
            let decoded = decoder.decode(&input[consumed..], &Limits::default()).map_err(|_| BadFraming)?;
            answer.body_bytes += decoded.data.len() as u64;
            keep(&input[consumed..][decoded.data]);
            consumed += decoded.consumed;
            if !decoded.complete && consumed == input.len() {
                return Ok((consumed, None));
            }
        }
        let answer = *answer;
        self.stage = Stage::Head;
        Ok((consumed, Some(self.conclude(answer))))
    }

    /// An answer whose body is over: that may have been the name of an error.
    fn conclude(&mut self, answer: Answer) -> Answer {
        match self.error.take() {
            None => answer,
            Some(body) => Answer { code: call::code_in(&body).or(answer.code), ..answer },
        }
    }
}

/// Reads one head; `None` while it is not whole.
fn parse(input: &[u8], asked: Asked) -> Result<Option<Head<'_>>, BadFraming> {
    // Not initialised: that would be three kilobytes for each answer.
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let parsed = config.parse_response_with_uninit_headers(&mut response, input, &mut fields);
    let httparse::Status::Complete(bytes) = parsed.map_err(|_| BadFraming)? else { return Ok(None) };
    let status = response.code.ok_or(BadFraming)?;
    let mut keeps_alive = response.version == Some(1);
    let (mut length, mut chunked, mut content_type) = (None, false, None);
    for field in response.headers.iter() {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            let given = decimal(field.value).ok_or(BadFraming)?;
            if length.replace(given).is_some_and(|before| before != given) {
                return Err(BadFraming);
            }
        } else if is("transfer-encoding") {
            if chunked || !field.value.eq_ignore_ascii_case(b"chunked") {
                return Err(BadFraming);
            }
            chunked = true;
        } else if is("connection") {
            keeps_alive =
                (keeps_alive || has_option(field.value, b"keep-alive")) && !has_option(field.value, b"close");
        } else if is("content-type") {
            content_type = Some(field.value);
        }
    }
    let framing = match (status, length, chunked) {
        (100..200 | 204 | 304, ..) => Some(Framing::None),
        (_, Some(_), true) => return Err(BadFraming),
        _ if asked == Asked::Head => Some(Framing::None),
        (_, None, true) => Some(Framing::Chunked),
        (_, Some(length), false) => Some(Framing::Length(length)),
        (_, None, false) => None,
    };
    Ok(Some(Head { bytes, status, keeps_alive, framing, content_type }))
}

/// Digits and nothing else: a sign is no length (RFC 9110 section 8.6).
fn decimal(value: &[u8]) -> Option<u64> {
    let digits = value.iter().all(u8::is_ascii_digit).then_some(value)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn has_option(value: &[u8], option: &[u8]) -> bool {
    value.split(|&byte| byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(option))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body_bytes: u64) -> Answer {
        Answer { status: Some(status), body_bytes, keeps_alive: true, code: None }
    }

    /// Feeds it whole, and split at every byte.
    fn read(input: &[u8]) -> Result<Option<Answer>, BadFraming> {
        let answer_of = |(consumed, answer), fed: &[u8]| match answer {
            // Whatever follows a whole answer is one byte too many.
            Some(_) if consumed < fed.len() => Err(BadFraming),
            _ => Ok(answer),
        };
        let whole = ResponseReader::default().feed(input, Asked::Plain).and_then(|fed| answer_of(fed, input));
        for split in 1..input.len() {
            let mut reader = ResponseReader::default();
            let (first, second) = input.split_at(split);
            let found = match reader.feed(first, Asked::Plain) {
                Ok((_, None)) => reader.feed(second, Asked::Plain).and_then(|fed| answer_of(fed, second)),
                Ok((_, Some(_))) => Err(BadFraming),
                Err(error) => Err(error),
            };
            assert_eq!(found, whole, "split at {split}");
        }
        whole
    }

    #[test]
    fn lengths_chunks_and_answers_without_a_body_end_where_they_say() {
        for (input, expected) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"[..], answer(200, 5)),
            (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", answer(404, 0)),
            (b"HTTP/1.1 204 No Content\r\n\r\n", answer(204, 0)),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                answer(200, 5),
            ),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", answer(200, 1)),
        ] {
            assert_eq!(read(input), Ok(Some(expected)));
        }
    }

    #[test]
    fn an_answer_to_head_ends_with_its_head() {
        let input = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(
            ResponseReader::default().feed(input, Asked::Head),
            Ok((input.len(), Some(answer(200, 0))))
        );
    }

    #[test]
    fn pipelined_answers_are_read_one_after_another_wherever_they_are_split() {
        let one = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        let two =
            [&one[..], b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"]
                .concat();
        for split in 0..two.len() {
            let (mut reader, mut found) = (ResponseReader::default(), Vec::new());
            for mut part in [&two[..split], &two[split..]] {
                while !part.is_empty() {
                    let (consumed, answer) = reader.feed(part, Asked::Plain).expect("both are well formed");
                    part = &part[consumed..];
                    found.extend(answer);
                }
            }
            assert_eq!(found, [answer(200, 5), answer(404, 0)], "split at {split}");
        }
    }

    #[test]
    fn a_connection_persists_only_as_both_say() {
        for (input, keeps_alive) in [
            (&b"HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 0\r\n\r\n"[..], false),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false),
            (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", true),
        ] {
            assert_eq!(read(input), Ok(Some(Answer { keeps_alive, ..answer(200, 0) })));
        }
    }

    #[test]
    fn an_answer_without_a_length_ends_with_its_connection() {
        let mut reader = ResponseReader::default();
        assert_eq!(reader.feed(b"HTTP/1.1 200 OK\r\n\r\nabc", Asked::Plain), Ok((22, None)));
        assert_eq!(reader.end(), Some(Answer { keeps_alive: false, ..answer(200, 3) }));
        assert_eq!(
            reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", Asked::Plain),
            Ok((39, None))
        );
        assert_eq!(reader.end(), None);
    }

    #[test]
    fn the_error_of_a_call_is_named_by_its_body_wherever_it_is_split() {
        let body = br#"{"code":"out_of_range","message":"no"}"#;
        let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 38\r\n\r\n";
        let failed = [head.as_bytes(), body].concat();
        let good = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        let both = [&failed[..], good].concat();
        for split in 0..both.len() {
            let (mut reader, mut found) = (ResponseReader::default(), Vec::new());
            for mut part in [&both[..split], &both[split..]] {
                while !part.is_empty() {
                    let (consumed, answer) =
                        reader.feed(part, Asked::Call(Codec::Json)).expect("well formed");
                    part = &part[consumed..];
                    found.extend(answer);
                }
            }
            let named = Answer { code: Some("out_of_range"), ..answer(400, 38) };
            assert_eq!(found, [named, answer(200, 2)], "split at {split}");
            assert!(!named.is_success());
        }
        // To who did not call, the same bytes are an answer of HTTP.
        assert_eq!(read(&failed), Ok(Some(answer(400, 38))));
    }

    #[test]
    fn what_has_two_readings_or_none_is_refused() {
        for input in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            b"SSH-2.0-OpenSSH_9.9\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy",
        ] {
            assert_eq!(read(input), Err(BadFraming), "{}", String::from_utf8_lossy(input));
        }
    }
}
