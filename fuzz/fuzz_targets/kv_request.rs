//! Requests of `examples/kv.rs` come out the same however their octets are cut, within their limits, and what comes out is
//! written as what is read the same.
//!
//! The first octet of the input is the length of the portions, the second the longest argument.

#![no_main]

#[allow(dead_code, reason = "the example uses it")]
#[path = "../../examples/kv/line.rs"]
mod line;
#[allow(dead_code, reason = "the example uses it")]
#[path = "../../examples/kv/request.rs"]
mod request;

use libfuzzer_sys::fuzz_target;
use request::{Arguments, Limits, Malformed, Parsed, Progress};

/// What a stream is: its requests, and why it ends before its end.
type Read = (Vec<Vec<Vec<u8>>>, Option<Malformed>);

fuzz_target!(|input: &[u8]| {
    let [length, limit, input @ ..] = input else { return };
    let limits = Limits { bulk_bytes_max: usize::from(*limit), arguments_max: 20 };
    let whole = read([input], &limits);
    assert_eq!(read(input.chunks(usize::from(*length).max(1)), &limits), whole);
    assert_eq!(read(input.chunks(1), &limits), whole);

    let requests = &whole.0;
    assert!(requests.iter().all(|request| request.len() <= limits.arguments_max));
    // Words of a line are octets that were there, so they keep the line's limit and not that of an argument.
    let limits = Limits { bulk_bytes_max: request::LINE_BYTES_MAX, ..limits };
    let written: Vec<u8> = requests.iter().flat_map(|request| write(request)).collect();
    assert_eq!(read([written.as_slice()], &limits), (requests.clone(), None));
});

fn write(request: &[Vec<u8>]) -> Vec<u8> {
    let mut written = format!("*{}\r\n", request.len()).into_bytes();
    for argument in request {
        written.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        written.extend_from_slice(argument);
        written.extend_from_slice(b"\r\n");
    }
    written
}

fn read<'a>(portions: impl IntoIterator<Item = &'a [u8]>, limits: &Limits) -> Read {
    let (mut kept, mut progress, mut requests) = (Vec::new(), Progress::default(), Vec::new());
    for portion in portions {
        kept.extend_from_slice(portion);
        loop {
            let mut arguments = Arguments::default();
            let length = match request::parse(&kept, &mut progress, limits, &mut arguments) {
                Parsed::Array(length) => {
                    requests.push(arguments.as_slice().iter().map(|argument| argument.to_vec()).collect());
                    length
                }
                Parsed::Line(length) => {
                    match line::words(&kept[..length]) {
                        Ok(words) if words.len() <= limits.arguments_max => requests.push(words),
                        Ok(_) => {}
                        Err(line::Unbalanced) => return (requests, Some(Malformed::Quotes)),
                    }
                    length
                }
                Parsed::Partial => break,
                Parsed::Malformed(why) => return (requests, Some(why)),
            };
            kept.drain(..length);
        }
    }
    (requests, None)
}
