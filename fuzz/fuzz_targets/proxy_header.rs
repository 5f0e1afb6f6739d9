//! A PROXY protocol header, or any bytes: one outcome, however they are cut.

#![no_main]

use corelay::proxy::{Parsed, Source, parse};
use libfuzzer_sys::fuzz_target;

const BYTES_MAX: usize = 512;

fuzz_target!(|input: &[u8]| {
    let whole = parse(input, BYTES_MAX);
    let mut cut = 0;
    // The first outcome that is one.
    let first = loop {
        match parse(&input[..cut], BYTES_MAX) {
            Ok(Parsed::Partial) if cut < input.len() => cut += 1,
            outcome => break outcome,
        }
    };
    match whole {
        // A refusal may be known of sooner, or later, and for another reason: but it is one.
        Err(_) => assert!(first.is_err()),
        Ok(_) => assert_eq!(first, whole),
    }
    let Ok(Parsed::Complete { header_len, source }) = whole else { return };
    assert_eq!(header_len, cut, "it ends with its last byte");
    assert!(header_len <= BYTES_MAX);
    assert_eq!(parse(&input[..header_len], BYTES_MAX), whole, "what follows does not matter");
    if let (Source::Client(client), Some(b"TCP6")) = (source, input.get(6..10)) {
        assert!(client.is_ipv6());
    }
});
