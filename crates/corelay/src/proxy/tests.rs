#![allow(clippy::unwrap_used, reason = "a test that fails says where")]
use super::*;
use proptest::prelude::*;

const MAX: usize = 4096;

fn complete(header_len: usize, source: Source) -> Result<Parsed, HeaderError> {
    Ok(Parsed::Complete { header_len, source })
}

fn client(text: &str) -> Source {
    Source::Client(text.parse().unwrap())
}

/// A header of version 2.
fn binary(version_and_command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let mut header = v2::SIGNATURE.to_vec();
    header.extend([version_and_command, family]);
    header.extend(u16::try_from(addresses.len()).unwrap().to_be_bytes());
    header.extend(addresses);
    header
}

const IPV4: [u8; 12] = [192, 0, 2, 7, 203, 0, 113, 1, 0x9c, 0x40, 0x01, 0xbb];

fn ipv6() -> Vec<u8> {
    let mut addresses = vec![0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
    addresses.extend([0; 15]);
    addresses.extend([1, 0x9c, 0x40, 0x01, 0xbb]);
    addresses
}

/// Every kind of header that is accepted, and whom it names.
fn accepted() -> Vec<(Vec<u8>, Source)> {
    let longest = "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
                   ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    assert_eq!(longest.len(), 107, "the longest line of the specification");
    let lines = [
        ("PROXY TCP4 192.0.2.7 203.0.113.1 40000 443\r\n", client("192.0.2.7:40000")),
        ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", client("255.255.255.255:65535")),
        ("PROXY TCP4 192.0.2.7 203.0.113.1 0 0\r\n", client("192.0.2.7:0")),
        ("PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n", client("[2001:db8::7]:40000")),
        ("PROXY UNKNOWN\r\n", Source::Proxy),
        ("PROXY UNKNOWN anything at all\r\n", Source::Proxy),
        (longest, Source::Proxy),
    ];
    let mut all: Vec<_> =
        lines.into_iter().map(|(line, source)| (line.as_bytes().to_vec(), source)).collect();
    all.push((binary(0x21, 0x11, &IPV4), client("192.0.2.7:40000")));
    all.push((binary(0x21, 0x21, &ipv6()), client("[2001:db8::7]:40000")));
    all.push((binary(0x21, 0x31, &[0; 216]), Source::Unix));
    all.push((binary(0x21, 0x00, &[]), Source::Proxy));
    all.push((binary(0x20, 0x00, &[]), Source::Proxy));
    all.push((binary(0x20, 0x11, &IPV4), Source::Proxy));
    all.push((binary(0x20, 0xff, &[0; 3]), Source::Proxy));
    let tlvs = [IPV4.as_slice(), &[0x04, 0, 3, 0, 0, 0]].concat();
    all.push((binary(0x21, 0x11, &tlvs), client("192.0.2.7:40000")));
    all
}

#[test]
fn a_header_names_its_client_and_every_shorter_part_of_it_is_partial() {
    for (header, source) in accepted() {
        let len = header.len();
        for cut in 0..len {
            assert_eq!(parse(&header[..cut], MAX), Ok(Parsed::Partial), "{cut} of {header:?}");
        }
        let followed = [header.as_slice(), b"GET / HTTP/1.1\r\n\r\n"].concat();
        assert_eq!(parse(&header, MAX), complete(len, source), "{header:?}");
        assert_eq!(parse(&followed, MAX), complete(len, source), "{header:?}, and a request");
    }
}

#[test]
fn bytes_that_do_not_begin_as_a_header_are_known_by_the_first_one_that_differs() {
    for input in ["G", "PROXX", "PROXY\t", "proxy TCP4", "\r\n\r\n\0\r\nQUIT\r", "\n", "\r\r", " PROXY "] {
        assert_eq!(parse(input.as_bytes(), MAX), Err(HeaderError::Missing), "{input:?}");
    }
}

#[test]
fn a_line_that_bends_the_rules_is_refused() {
    for line in [
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP5 192.0.2.7 203.0.113.1 1 2\r\n",
        "PROXY UDP4 192.0.2.7 203.0.113.1 1 2\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY  TCP4 192.0.2.7 203.0.113.1 1 2\r\n",
        "PROXY TCP4  192.0.2.7 203.0.113.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 203.0.113.1 1 2 \r\n",
        "PROXY TCP4 192.0.2.7 203.0.113.1 1 2 3\r\n",
        "PROXY TCP4 192.0.2.7 203.0.113.1 1\r\n",
        "PROXY TCP4 192.0.2.7 203.0.113.1 01 2\r\n",
        "PROXY TCP4 192.0.2.7 203.0.113.1 +1 2\r\n",
        "PROXY TCP4 192.0.2.7 203.0.113.1 1 65536\r\n",
        "PROXY TCP4 192.0.2.07 203.0.113.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 203.0.113.256 1 2\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
        "PROXY TCP6 192.0.2.7 203.0.113.1 1 2\r\n",
        "PROXY TCP6 fe80::1%eth0 2001:db8::1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 203.0.113.1 1 2\n",
        "PROXY TCP4 192.0.2.7 203.0.113.1 1 2\r\r\n",
        "PROXY UNKNOWN one\nline\r\n",
        "PROXY UNKNOWN caf\u{e9}\r\n",
        "PROXY TCP4 192.0.2.\u{667} 203.0.113.1 1 2\r\n",
    ] {
        let outcome = parse(line.as_bytes(), MAX);
        assert!(matches!(outcome, Err(HeaderError::Malformed(_))), "{line:?}: {outcome:?}");
    }
}

#[test]
fn a_line_over_107_bytes_is_refused_as_soon_as_it_must_be() {
    let line = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    assert_eq!(line.len(), 108);
    assert_eq!(parse(line.as_bytes(), MAX), Err(HeaderError::TooLarge));
    assert_eq!(parse(&line.as_bytes()[..107], MAX), Err(HeaderError::TooLarge));
    assert_eq!(parse(&line.as_bytes()[..106], MAX), Ok(Parsed::Partial));
}

#[test]
fn a_binary_header_that_bends_the_rules_is_refused() {
    for header in [
        binary(0x11, 0x11, &IPV4),
        binary(0x31, 0x11, &IPV4),
        binary(0x22, 0x11, &IPV4),
        binary(0x2f, 0x11, &IPV4),
        binary(0x21, 0x11, &IPV4[..11]),
        binary(0x21, 0x21, &ipv6()[..35]),
        binary(0x21, 0x31, &[0; 215]),
        binary(0x21, 0x12, &IPV4),
        binary(0x21, 0x22, &ipv6()),
        binary(0x21, 0x32, &[0; 216]),
        binary(0x21, 0x10, &IPV4),
        binary(0x21, 0x01, &IPV4),
        binary(0x21, 0x41, &[0; 216]),
        binary(0x21, 0xff, &[0; 216]),
    ] {
        let outcome = parse(&header, MAX);
        assert!(matches!(outcome, Err(HeaderError::Malformed(_))), "{header:?}: {outcome:?}");
    }
}

#[test]
fn a_binary_header_over_its_limit_is_refused_by_its_length_alone() {
    let header = binary(0x21, 0x11, &[IPV4.as_slice(), &[0; 4069]].concat());
    assert_eq!(header.len(), MAX + 1);
    assert_eq!(parse(&header[..16], MAX), Err(HeaderError::TooLarge));
    assert_eq!(parse(&header[..16], MAX + 1), Ok(Parsed::Partial));
    assert_eq!(parse(&header, MAX + 1), complete(MAX + 1, client("192.0.2.7:40000")));
}

/// What another parser reads in the same bytes; `None`: nothing, as yet or at all.
fn second_opinion(input: &[u8]) -> Option<(usize, Source)> {
    let source = |address: (std::net::IpAddr, u16)| Source::Client(SocketAddr::from(address));
    match ppp::HeaderResult::parse(input) {
        ppp::HeaderResult::V1(Ok(header)) => {
            let source = match header.addresses {
                ppp::v1::Addresses::Tcp4(pair) => source((pair.source_address.into(), pair.source_port)),
                ppp::v1::Addresses::Tcp6(pair) => source((pair.source_address.into(), pair.source_port)),
                ppp::v1::Addresses::Unknown => Source::Proxy,
            };
            Some((header.header.len(), source))
        }
        ppp::HeaderResult::V2(Ok(header)) => {
            let local = header.command == ppp::v2::Command::Local;
            let source = match header.addresses {
                _ if local => Source::Proxy,
                ppp::v2::Addresses::IPv4(pair) => source((pair.source_address.into(), pair.source_port)),
                ppp::v2::Addresses::IPv6(pair) => source((pair.source_address.into(), pair.source_port)),
                ppp::v2::Addresses::Unix(_) => Source::Unix,
                ppp::v2::Addresses::Unspecified => Source::Proxy,
            };
            Some((header.len(), source))
        }
        _ => None,
    }
}

proptest! {
    /// A header with a byte or two changed, so that most are nearly one.
    #[test]
    fn what_is_accepted_another_parser_accepts_and_reads_the_same(
        which in 0..15_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut input = accepted().swap_remove(which).0;
        for (at, byte) in changes {
            let at = at.index(input.len());
            input[at] = byte;
        }
        if let Ok(Parsed::Complete { header_len, source }) = parse(&input, MAX) {
            // What follows UNKNOWN and LOCAL is to be ignored, and the other parser looks at it.
            if source != Source::Proxy || input[13] == 0 {
                prop_assert_eq!(second_opinion(&input), Some((header_len, source)));
            }
        }
    }

    #[test]
    fn the_outcome_of_more_bytes_agrees_with_that_of_fewer(
        which in 0..15_usize,
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut input = accepted().swap_remove(which).0;
        let at = at.index(input.len());
        input[at] = byte;
        let whole = parse(&input, MAX);
        for cut in 0..input.len() {
            let part = parse(&input[..cut], MAX);
            prop_assert!(part == Ok(Parsed::Partial) || whole.is_err() || part == whole, "{cut}: {part:?}, {whole:?}");
            prop_assert!(part.is_ok() || whole.is_err(), "{cut}: {part:?}, {whole:?}");
        }
    }
}
