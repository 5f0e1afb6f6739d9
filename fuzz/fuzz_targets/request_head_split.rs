//! The outcome of a head does not depend on how it arrives, under limits small enough to be met.
//!
//! The first two bytes of the input choose the limits and the cut.

#![no_main]

use corelay_http::{Limits, Parsed, RequestError, RequestHead};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [limit, cut, input @ ..] = input else { return };
    let limits = match limit {
        0 => Limits::default(),
        &limit => Limits {
            head_bytes: usize::from(limit),
            target_bytes: usize::from(limit / 4),
            fields: usize::from(limit / 32),
            empty_lines: usize::from(limit % 3),
            ..Limits::default()
        },
    };
    let cut = usize::from(*cut).min(input.len());
    let whole = outcome(input, [input.len()], &limits);
    assert_eq!(outcome(input, [cut, input.len()], &limits), whole);
    assert_eq!(outcome(input, 0..=input.len(), &limits), whole);
});

fn outcome(
    input: &[u8],
    ends: impl IntoIterator<Item = usize>,
    limits: &Limits,
) -> Result<Option<String>, RequestError> {
    let mut head = RequestHead::new();
    for end in ends {
        if let Parsed::Complete { head_len } = head.parse(&input[..end], limits)? {
            let view = head.view(&input[..head_len]);
            return Ok(Some(format!("{view:?} {:?} {:?} {head_len}", view.framing(), view.host())));
        }
    }
    Ok(None)
}
