//! Any query: no panic, no message past the limit, and what is read is written as a query that is read the same. What it
//! claims to be compressed is opened, within the limit.

#![no_main]

use corelay_rpc::get::GetRequest;
use libfuzzer_sys::fuzz_target;

const BYTES_MAX: usize = 1000;

fuzz_target!(|input: &[u8]| {
    let Ok(query) = std::str::from_utf8(input) else { return };
    let Ok(request) = GetRequest::parse(query, BYTES_MAX) else { return };
    assert!(request.message.len() <= BYTES_MAX);
    if let Ok(message) = request.compression.decompress(&request.message, BYTES_MAX) {
        assert!(message.len() <= BYTES_MAX);
    }
    let again = GetRequest::parse(&request.to_query(), BYTES_MAX).expect("what was written can be read");
    assert_eq!(again, request);
});
