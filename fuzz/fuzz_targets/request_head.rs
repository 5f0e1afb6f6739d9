//! Any bytes: no panic, and an accepted head is one that stands alone and that httparse reads the same.

#![no_main]

use corelay_http::{Limits, Method, Parsed, RequestHead, TargetForm};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let (mut head, limits) = (RequestHead::new(), Limits::default());
    let parsed = head.parse(input, &limits);
    let view = head.view(input);
    let _ = (format!("{view:?}"), view.path(), view.query(), view.host(), view.upgrade(), view.framing());
    let Ok(Parsed::Complete { head_len }) = parsed else { return };

    let alone = &input[..head_len];
    let mut again = RequestHead::new();
    assert_eq!(again.parse(alone, &limits), parsed);
    assert_eq!(format!("{:?}", again.view(alone)), format!("{view:?}"));
    assert_eq!(again.parse(&input[..head_len - 1], &limits), parsed, "complete stays complete");

    assert_eq!(view.is_connect(), view.method() == Method::Connect);
    assert_eq!(view.target_form() == TargetForm::Origin, view.target().starts_with('/'));
    if let Some(query) = view.query() {
        assert!(view.target().ends_with(query));
    }
    agree_with_httparse(alone, view);
});

fn agree_with_httparse(input: &[u8], ours: corelay_http::Head<'_>) {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut theirs = httparse::Request::new(&mut fields);
    match theirs.parse(input) {
        // A higher minor version is taken as 1.1 here, and unknown to httparse.
        Err(httparse::Error::Version) => return,
        status => assert_eq!(status, Ok(httparse::Status::Complete(input.len()))),
    }
    assert_eq!((theirs.method, theirs.path), (Some(ours.method().as_str()), Some(ours.target())));
    let ours = ours.fields().map(|field| (field.name, field.value));
    assert!(ours.eq(theirs.headers.iter().map(|field| (field.name, field.value))));
}
