//! Requests as RESP2 frames them (redis.io/docs/reference/protocol-spec): an array of bulk strings, or a line as a person
//! types it. No I/O, no copy: arguments are slices of the input.
//!
//! ```text
//!        '*' N CR LF              '$' length CR LF          length octets CR LF
//!   Start ──────────▶ N missing ───────────────────▶ Bulk ─────────────────────▶ N − 1 missing … none ─▶ Complete
//!     └── any other octet ─▶ up to LF ─▶ Line
//! ```
//!
//! The parser is total: whatever the input, it is complete, partial or malformed. A partial array is not read again from its
//! start with every octet that arrives: [`Progress`] keeps how far it is whole.

/// Arguments that are kept without an allocation: a SET with its longest options has seven.
const ARGUMENTS_INLINE: usize = 8;
/// The longest line, and its end, as in redis (`PROTO_INLINE_MAX_SIZE`).
pub(crate) const LINE_BYTES_MAX: usize = 64 * 1024;
/// Octets of the longest number that is looked at: a sign and nineteen digits.
const NUMBER_BYTES_MAX: usize = 20;

/// What a request may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Octets of one argument.
    pub(crate) bulk_bytes_max: usize,
    /// Arguments of one request, the command's name among them.
    pub(crate) arguments_max: usize,
}

/// What the input begins with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// A request of so many octets; its arguments are where the caller wanted them. None: it is to be passed over.
    Array(usize),
    /// A line of so many octets, its end among them.
    Line(usize),
    /// Not yet a whole request.
    Partial,
    Malformed(Malformed),
}

/// Why a request cannot be read; what follows it cannot be either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    Count,
    Length,
    NoBulk(u8),
    LongLine,
    Quotes,
    /// More octets than a request may have.
    Size,
}

/// How far the request at the start of the input is known to be whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Where the first argument begins that is not; in a line, what was searched for its end.
    at: usize,
    /// Arguments from there on.
    missing: usize,
}

/// The arguments of a request, the command's name first.
#[derive(Debug, Default)]
pub(crate) struct Arguments<'a> {
    first: [&'a [u8]; ARGUMENTS_INLINE],
    count: usize,
    /// All of them, once there are more than fit in `first`.
    all: Vec<&'a [u8]>,
}

/// Why the parser stops.
enum Stop {
    Partial,
    Malformed(Malformed),
}

impl Malformed {
    /// What redis says of it.
    pub(crate) fn text(self) -> String {
        let why = match self {
            Self::Count => "invalid multibulk length",
            Self::Length => "invalid bulk length",
            Self::LongLine => "too big inline request",
            Self::Quotes => "unbalanced quotes in request",
            Self::Size => "too big request",
            Self::NoBulk(octet) => {
                let shown = if octet == b' ' || octet.is_ascii_graphic() { char::from(octet) } else { '?' };
                return format!("Protocol error: expected '$', got '{shown}'");
            }
        };
        format!("Protocol error: {why}")
    }
}

impl<'a> Arguments<'a> {
    pub(crate) fn as_slice(&self) -> &[&'a [u8]] {
        if self.all.is_empty() { &self.first[..self.count] } else { &self.all }
    }

    #[inline]
    fn clear(&mut self) {
        self.count = 0;
        self.all.clear();
    }

    #[inline]
    fn push(&mut self, argument: &'a [u8]) {
        match self.first.get_mut(self.count) {
            Some(place) => {
                *place = argument;
                self.count += 1;
            }
            None => self.spill(argument),
        }
    }

    #[cold]
    fn spill(&mut self, argument: &'a [u8]) {
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.push(argument);
    }
}

/// Reads the request at the start of `input`. `progress` is the one that the last call left, if that was partial and this input
/// continues that one, and new otherwise.
#[inline]
pub(crate) fn parse<'a>(
    input: &'a [u8],
    progress: &mut Progress,
    limits: &Limits,
    arguments: &mut Arguments<'a>,
) -> Parsed {
    arguments.clear();
    let parsed = match input.first() {
        None => return Parsed::Partial,
        Some(b'*') => array(input, progress, limits, arguments),
        Some(_) => line(input, progress),
    };
    match parsed {
        Ok(parsed) => {
            *progress = Progress::default();
            parsed
        }
        Err(Stop::Partial) => Parsed::Partial,
        Err(Stop::Malformed(why)) => Parsed::Malformed(why),
    }
}

#[inline]
fn array<'a>(
    input: &'a [u8],
    progress: &mut Progress,
    limits: &Limits,
    arguments: &mut Arguments<'a>,
) -> Result<Parsed, Stop> {
    progress.resume(input, limits)?;
    let (count, mut at) = number(input, 1, Malformed::Count)?;
    let Ok(count) = usize::try_from(count) else { return Ok(Parsed::Array(at)) };
    if count > limits.arguments_max {
        return Err(Stop::Malformed(Malformed::Count));
    }
    for missing in (1..=count).rev() {
        match bulk(input, at, limits) {
            Ok((octets, next)) => {
                arguments.push(octets);
                at = next;
            }
            Err(stop) => {
                *progress = Progress { at, missing };
                return Err(stop);
            }
        }
    }
    Ok(Parsed::Array(at))
}

impl Progress {
    /// Goes on from where the last call stopped, keeping no argument.
    #[inline]
    fn resume(&mut self, input: &[u8], limits: &Limits) -> Result<(), Stop> {
        while self.missing > 0 {
            (_, self.at) = bulk(input, self.at, limits)?;
            self.missing -= 1;
        }
        Ok(())
    }
}

/// The bulk string at `at`, and where it ends.
#[inline]
fn bulk<'a>(input: &'a [u8], at: usize, limits: &Limits) -> Result<(&'a [u8], usize), Stop> {
    match input.get(at) {
        Some(b'$') => {}
        None => return Err(Stop::Partial),
        Some(&other) => return Err(Stop::Malformed(Malformed::NoBulk(other))),
    }
    let (length, start) = number(input, at + 1, Malformed::Length)?;
    let length = usize::try_from(length).ok().filter(|length| *length <= limits.bulk_bytes_max);
    let end = start + length.ok_or(Stop::Malformed(Malformed::Length))?;
    match input.get(start..end + 2) {
        Some([octets @ .., b'\r', b'\n']) => Ok((octets, end + 2)),
        Some(_) => Err(Stop::Malformed(Malformed::Length)),
        None if input.get(end).is_some_and(|octet| *octet != b'\r') => {
            Err(Stop::Malformed(Malformed::Length))
        }
        None => Err(Stop::Partial),
    }
}

/// The number at `at`, up to the line's end, and where the next line begins. As redis reads it (`string2ll`): no sign but a
/// minus, no leading zero.
#[inline]
fn number(input: &[u8], at: usize, refusal: Malformed) -> Result<(i64, usize), Stop> {
    // Nearly every number has one or two digits.
    match input.get(at..) {
        Some(&[digit @ b'0'..=b'9', b'\r', b'\n', ..]) => Ok((i64::from(digit - b'0'), at + 3)),
        Some(&[tens @ b'1'..=b'9', digit @ b'0'..=b'9', b'\r', b'\n', ..]) => {
            Ok((i64::from(tens - b'0') * 10 + i64::from(digit - b'0'), at + 4))
        }
        Some(rest) => {
            let (number, length) = any_number(rest, refusal)?;
            Ok((number, at + length))
        }
        None => Err(Stop::Partial),
    }
}

fn any_number(rest: &[u8], refusal: Malformed) -> Result<(i64, usize), Stop> {
    let refused = || Stop::Malformed(refusal);
    let digit = |at: usize, octet: u8| octet.is_ascii_digit() || (at == 0 && octet == b'-');
    let length = (0..rest.len()).find(|at| !digit(*at, rest[*at])).unwrap_or(rest.len());
    if length > NUMBER_BYTES_MAX {
        return Err(refused());
    }
    match &rest[length..] {
        [] | [b'\r'] => Err(Stop::Partial),
        [b'\r', b'\n', ..] => Ok((integer(&rest[..length]).ok_or_else(refused)?, length + 2)),
        _ => Err(refused()),
    }
}

/// An integer of 64 bits as redis reads one: no plus, no leading zero, no blanks.
pub(crate) fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() < NUMBER_BYTES_MAX => {}
        _ => return None,
    }
    // Downwards: there is one more negative number than there are positive ones.
    let below = digits.iter().try_fold(0_i64, |below, octet| {
        let digit = octet.is_ascii_digit().then(|| i64::from(octet - b'0'))?;
        below.checked_mul(10)?.checked_sub(digit)
    })?;
    if negative { Some(below) } else { below.checked_neg() }
}

fn line(input: &[u8], progress: &mut Progress) -> Result<Parsed, Stop> {
    let searched = progress.at.min(input.len());
    let end = input[searched..].iter().position(|octet| *octet == b'\n');
    let length = end.map_or(input.len(), |end| searched + end + 1);
    match end {
        _ if length > LINE_BYTES_MAX => Err(Stop::Malformed(Malformed::LongLine)),
        Some(_) => Ok(Parsed::Line(length)),
        None => {
            progress.at = length;
            Err(Stop::Partial)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { bulk_bytes_max: 40, arguments_max: 12 };

    /// What a stream is: the requests up to where it ends or breaks.
    #[derive(Debug, Default, PartialEq)]
    struct Read {
        requests: Vec<Vec<Vec<u8>>>,
        broken: Option<Malformed>,
    }

    /// By the parser, the input arriving in portions.
    fn read<'a>(portions: impl IntoIterator<Item = &'a [u8]>) -> Read {
        let (mut input, mut progress, mut read) = (Vec::new(), Progress::default(), Read::default());
        for portion in portions {
            input.extend_from_slice(portion);
            loop {
                let mut arguments = Arguments::default();
                let length = match parse(&input, &mut progress, &LIMITS, &mut arguments) {
                    Parsed::Array(length) => {
                        let owned = arguments.as_slice().iter().map(|argument| argument.to_vec());
                        read.requests.push(owned.collect());
                        length
                    }
                    Parsed::Line(length) => {
                        read.requests.push(vec![input[..length].to_vec()]);
                        length
                    }
                    Parsed::Partial => break,
                    Parsed::Malformed(why) => {
                        read.broken = Some(why);
                        return read;
                    }
                };
                input.drain(..length);
            }
        }
        read
    }

    /// The same, slowly and by other means: the text up to CR LF, and the standard library's numbers.
    fn read_naively(mut input: &[u8]) -> Read {
        let mut read = Read::default();
        'requests: while let Some(first) = input.first() {
            if *first != b'*' {
                let Some(end) = input.iter().position(|octet| *octet == b'\n') else { break };
                read.requests.push(vec![input[..=end].to_vec()]);
                input = &input[end + 1..];
                continue;
            }
            let mut rest = &input[1..];
            let count = match naive_number(&mut rest) {
                None => break,
                Some(count @ ..=12) => count,
                Some(_) => return Read { broken: Some(Malformed::Count), ..read },
            };
            let mut request = Vec::new();
            for _ in 0..count {
                match rest.split_first() {
                    None => break 'requests,
                    Some((b'$', after)) => rest = after,
                    Some((other, _)) => return Read { broken: Some(Malformed::NoBulk(*other)), ..read },
                }
                let length = match naive_number(&mut rest) {
                    None => break 'requests,
                    Some(length @ 0..=40) => length as usize,
                    Some(_) => return Read { broken: Some(Malformed::Length), ..read },
                };
                let end = [rest.get(length), rest.get(length + 1)];
                match end {
                    [Some(b'\r'), Some(b'\n')] => {}
                    [None, _] | [Some(b'\r'), None] => break 'requests,
                    _ => return Read { broken: Some(Malformed::Length), ..read },
                }
                request.push(rest[..length].to_vec());
                rest = &rest[length + 2..];
            }
            read.requests.push(request);
            input = rest;
        }
        read
    }

    /// None: the input ends within it. What is no number is one that every limit refuses.
    fn naive_number(rest: &mut &[u8]) -> Option<i64> {
        let stop = rest
            .iter()
            .enumerate()
            .position(|(at, octet)| !octet.is_ascii_digit() && !(at == 0 && *octet == b'-'));
        let length = stop.unwrap_or(rest.len());
        if length > 20 {
            return Some(i64::MAX);
        }
        let after = &rest[length..];
        if after.is_empty() || after == b"\r" {
            return None;
        }
        let text = String::from_utf8(rest[..length].to_vec()).unwrap();
        let number = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
        *rest = after.get(2..).unwrap_or_default();
        number.filter(|_| after.starts_with(b"\r\n")).or(Some(i64::MAX))
    }

    #[test]
    fn an_array_of_bulk_strings_is_a_request() {
        let found = read([b"*2\r\n$3\r\nGET\r\n$3\r\na\r\n\r\n*1\r\n$0\r\n\r\nPING\r\n".as_slice()]);
        let requests: [Vec<&[u8]>; 3] = [vec![b"GET", b"a\r\n"], vec![b""], vec![b"PING\r\n"]];
        assert_eq!(found.requests, requests);
        assert_eq!(found.broken, None);
    }

    #[test]
    fn more_arguments_than_are_kept_inline_come_in_order() {
        let numbers: Vec<String> = (0..12).map(|number| number.to_string()).collect();
        let bulks: String = numbers.iter().map(|text| format!("${}\r\n{text}\r\n", text.len())).collect();
        let found = read([format!("*12\r\n{bulks}").as_bytes()]);
        assert_eq!(found.requests, [numbers.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>()]);
    }

    #[test]
    fn an_array_of_nothing_is_passed_over() {
        assert_eq!(read([b"*0\r\n*-1\r\n".as_slice()]), Read { requests: vec![vec![]; 2], broken: None });
    }

    #[test]
    fn what_is_malformed_has_the_words_of_redis() {
        let cases: [(&[u8], &str); 12] = [
            (b"*x\r\n", "invalid multibulk length"),
            (b"*13\r\n", "invalid multibulk length"),
            (b"*1\n", "invalid multibulk length"),
            (b"*111111111111111111111", "invalid multibulk length"),
            (b"*1\r\n:1\r\n", "expected '$', got ':'"),
            (b"*1\r\n\0", "expected '$', got '?'"),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*1\r\n$01\r\na\r\n", "invalid bulk length"),
            (b"*1\r\n$41\r\n", "invalid bulk length"),
            (b"*1\r\n$9999999999999999999\r\n", "invalid bulk length"),
            (b"*1\r\n$1\r\nab", "invalid bulk length"),
            (b"*1\r\n$1\r\na\ra", "invalid bulk length"),
        ];
        for (input, text) in cases {
            let broken = read([input]).broken.map(Malformed::text);
            assert_eq!(broken, Some(format!("Protocol error: {text}")), "{}", input.escape_ascii());
        }
        let long = vec![b'a'; LINE_BYTES_MAX + 1];
        assert_eq!(read([long.as_slice()]).broken, Some(Malformed::LongLine));
        assert_eq!(read([&long[1..]]).broken, None);
    }

    #[test]
    fn integers_are_read_as_redis_reads_them() {
        for number in [0, 1, -1, 10, 999, i64::MAX, i64::MIN] {
            assert_eq!(integer(number.to_string().as_bytes()), Some(number));
        }
        for text in
            ["", "-", "+1", "01", "-0", " 1", "1 ", "1.0", "9223372036854775808", "-9223372036854775809"]
        {
            assert_eq!(integer(text.as_bytes()), None, "{text:?}");
        }
    }

    /// Octets that are nearly requests.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let bulk = proptest::collection::vec(any::<u8>(), 0..50)
            .prop_map(|octets| [format!("${}\r\n", octets.len()).as_bytes(), &octets, b"\r\n"].concat());
        let request = proptest::collection::vec(bulk, 0..14)
            .prop_map(|bulks| [format!("*{}\r\n", bulks.len()).into_bytes(), bulks.concat()].concat());
        let odd = "[*$:\\-0-9\r\na]{0,12}".prop_map(String::into_bytes);
        let line = "[ -~]{0,12}\r?\n".prop_map(String::into_bytes);
        proptest::collection::vec(prop_oneof![6 => request, 1 => odd, 1 => line], 0..5)
            .prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_naive_parser_however_the_input_is_split(
            stream in stream(), change in any::<Option<(prop::sample::Index, u8)>>(), portion in 1_usize..40
        ) {
            let mut stream = stream;
            if let Some((place, octet)) = change && !stream.is_empty() {
                let place = place.index(stream.len());
                stream[place] = octet;
            }
            let expected = read_naively(&stream);
            prop_assert_eq!(&read([stream.as_slice()]), &expected);
            prop_assert_eq!(&read(stream.chunks(1)), &expected);
            prop_assert_eq!(&read(stream.chunks(portion)), &expected);
            for cut in 0..stream.len().min(120) {
                prop_assert_eq!(&read([&stream[..cut], &stream[cut..]]), &expected);
            }
        }
    }
}
