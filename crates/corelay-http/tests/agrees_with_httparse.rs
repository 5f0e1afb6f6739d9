//! Where httparse accepts a request and so does this crate, both must have read the same; where only one accepts, the
//! reason is on a list.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod feed;

use corelay_http::{Limits, RequestErrorKind as Kind, Version};
use feed::{Outcome, parse_in_steps};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Pieces from which heads are put together: right, wrong and doubtful ones.
const PIECES: &[&str] = &[
    "GET ",
    "POST ",
    "M-X ",
    "/",
    "/a?b=c ",
    "/ ",
    "* ",
    "http://h/ ",
    "HTTP/1.1\r\n",
    "HTTP/1.0\r\n",
    "HTTP/1.2\r\n",
    "HTTP/2.0\r\n",
    "Host: a\r\n",
    "Host: ",
    "Host : a\r\n",
    "X-Y:  z \r\n",
    "x",
    ":",
    " ",
    "\t",
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "\u{0}",
    "\u{7f}",
    "\u{e9}",
    "{}",
    "#",
    "a b: c\r\n",
    "(: d\r\n",
    "%",
    "GET / HTTP/1.1\r\nHost: a\r\n",
    "Expect: x\r\n",
    " fold\r\n",
    "<",
    "1",
    ",",
];

/// Refusals of what httparse accepts, because it stops at syntax or is lenient by design.
fn is_ours_alone(kind: Kind) -> bool {
    match kind {
        // It takes LF for CR LF, skips any number of empty lines, and takes white space lines for them.
        Kind::LineEndMalformed | Kind::TooManyEmptyLines => true,
        // It does not look into targets, and takes octets from 0x80 up, `<`, `>` and `#` in them.
        Kind::TargetMalformed | Kind::TargetFormForbidden => true,
        // It leaves the meaning of fields to its caller.
        Kind::HostMissing | Kind::HostRepeated | Kind::HostMalformed => true,
        Kind::ContentLengthMalformed | Kind::ContentLengthRepeated => true,
        Kind::TransferEncodingMalformed | Kind::TransferEncodingUnknown => true,
        Kind::TransferEncodingInHttp10 | Kind::LengthBesideTransferEncoding | Kind::ExpectationUnknown => {
            true
        }
        _ => false,
    }
}

fn compare(input: &[u8]) -> Result<(), TestCaseError> {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut theirs = httparse::Request::new(&mut fields);
    let status = theirs.parse(input);
    let ours = parse_in_steps(input, [input.len()], &Limits::default());
    let shown = input.escape_ascii();
    match (ours, status) {
        (Outcome::Complete(ours), Ok(httparse::Status::Complete(head_len))) => {
            prop_assert_eq!(ours.head_len, head_len, "{}", shown);
            prop_assert_eq!(Some(ours.method.as_str()), theirs.method);
            prop_assert_eq!(Some(ours.target.as_str()), theirs.path);
            prop_assert_eq!(Some(u8::from(ours.version == Version::Http11)), theirs.version);
            let same = ours.fields.iter().map(|(name, value)| (name.as_str(), &value[..]));
            prop_assert!(same.eq(theirs.headers.iter().map(|field| (field.name, field.value))), "{}", shown);
        }
        // A higher minor version is 1.1 to us and unknown to httparse.
        (Outcome::Complete(_), Err(httparse::Error::Version)) => {
            prop_assert!(theirs.version.is_none(), "{}", shown)
        }
        (Outcome::Complete(ours), theirs) => {
            prop_assert!(false, "{}: only we accept: {:?}, {:?}", shown, ours, theirs)
        }
        (Outcome::Refused(kind), Ok(httparse::Status::Complete(_))) => {
            prop_assert!(is_ours_alone(kind), "{}: {:?}", shown, kind)
        }
        (Outcome::Refused(_), _) | (Outcome::Partial, Ok(httparse::Status::Partial)) => {}
        (Outcome::Partial, Err(httparse::Error::Version)) => {
            prop_assert!(shown.to_string().contains("HTTP/1."), "{}", shown)
        }
        (Outcome::Partial, theirs) => prop_assert!(false, "{}: we wait, httparse: {:?}", shown, theirs),
    }
    Ok(())
}

#[test]
fn on_the_heads_of_well_behaved_clients() {
    for input in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nPOST /a?b=c HTTP/1.0\r\nContent-Length:5\r\nX: \t y z \t\r\n\r\nHello",
        "OPTIONS * HTTP/1.1\r\nhost: a\r\nEmpty:\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHOST: [::1]:1\r\nX-Obs: \u{e9}\r\n\r\n",
        "M-X http://a/{b}|c HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: Chunked\r\n\r\n",
    ] {
        let outcome = parse_in_steps(input.as_bytes(), [input.len()], &Limits::default());
        assert!(matches!(outcome, Outcome::Complete(_)), "{input:?}: {outcome:?}");
        compare(input.as_bytes()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_heads_put_together_from_pieces(pieces in vec(select(PIECES), 0..24)) {
        compare(pieces.concat().as_bytes())?;
    }

    #[test]
    fn on_valid_heads_with_one_octet_changed(pieces in vec(select(&["X: y\r\n", "Accept: */*\r\n", "a:\r\n"][..]), 0..4), at in 0..80usize, octet: u8) {
        let mut input = format!("GET /a?b HTTP/1.1\r\nHost: a.example:80\r\n{}\r\n", pieces.concat()).into_bytes();
        let at = at % input.len();
        input[at] = octet;
        compare(&input)?;
    }

    #[test]
    fn on_arbitrary_octets(input in vec(any::<u8>(), 0..64)) {
        compare(&input)?;
    }
}
