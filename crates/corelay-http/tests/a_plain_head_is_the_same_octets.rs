//! What [`PlainHead`] appends is what [`ResponseHead::encode`] would have, whatever came before.

use corelay_http::{DateField, Encoded, Persistence, PlainHead, ResponseFraming, ResponseHead, Version};
use http::{HeaderValue, StatusCode};
use proptest::prelude::*;

static TEXT: HeaderValue = HeaderValue::from_static("text/plain");
static SAME_TEXT: HeaderValue = HeaderValue::from_static("text/plain");
static JSON: HeaderValue = HeaderValue::from_static("application/json");

#[derive(Debug, Clone)]
enum Step {
    Second(u64),
    Answer { status: StatusCode, content_type: Option<&'static HeaderValue>, length: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let status = prop_oneof![
        4 => Just(StatusCode::OK),
        1 => prop::sample::select(vec![101, 103, 201, 204, 304, 404, 500, 999])
            .prop_map(|code| StatusCode::from_u16(code).expect("a status")),
    ];
    let content_type = prop::sample::select(vec![None, Some(&TEXT), Some(&SAME_TEXT), Some(&JSON)]);
    let length = prop_oneof![0..20_usize, 95..105_usize, 995..1_005_usize, 9_995..10_005_usize];
    prop_oneof![
        1 => (0..4_000_000_000_u64).prop_map(Step::Second),
        8 => (status, content_type, length)
            .prop_map(|(status, content_type, length)| Step::Answer { status, content_type, length }),
    ]
}

/// What the general encoder makes of it; `None` where it promises no body, which a plain head cannot say.
fn encoded(
    date: &DateField,
    status: StatusCode,
    content_type: Option<&HeaderValue>,
    length: usize,
) -> Option<Vec<u8>> {
    let mut output = Vec::new();
    let head = ResponseHead {
        version: Version::Http11,
        status,
        date: Some(date),
        content_type,
        framing: ResponseFraming::Length(length as u64),
        persistence: Persistence::KeepAlive,
        head_request: false,
    };
    let Encoded { framing, persistence } = head.encode([], &mut output);
    assert_eq!(persistence, Persistence::KeepAlive);
    (framing != ResponseFraming::NoBody).then_some(output)
}

proptest! {
    #[test]
    fn in_any_order_of_answers(steps in prop::collection::vec(step(), 1..40)) {
        let (mut plain, mut second, mut output) = (PlainHead::new(0), 0, b"kept".to_vec());
        for step in steps {
            let (status, content_type, length) = match step {
                Step::Second(next) => {
                    second = next;
                    plain.update(next);
                    continue;
                }
                Step::Answer { status, content_type, length } => (status, content_type, length),
            };
            let before = output.clone();
            let appended = plain.append(status, content_type, length, &mut output);
            let wanted = encoded(&DateField::new(second), status, content_type, length);
            prop_assert_eq!(appended, wanted.is_some() && length <= 9_999);
            let tail = wanted.filter(|_| appended).unwrap_or_default();
            prop_assert_eq!(&output, &[before, tail].concat());
        }
    }
}

#[test]
fn only_for_a_peer_of_http_1_1_that_gets_a_body_and_stays() {
    use Persistence::{Close, KeepAlive};
    assert!(PlainHead::is_for(Version::Http11, KeepAlive, false));
    assert!(!PlainHead::is_for(Version::Http10, KeepAlive, false));
    assert!(!PlainHead::is_for(Version::Http11, Close, false));
    assert!(!PlainHead::is_for(Version::Http11, KeepAlive, true));
}
