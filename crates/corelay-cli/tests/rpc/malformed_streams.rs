//! Frames that are wrong: the status is 200 all the same, and the end message says what it was.

use crate::support::{Engine, Server};
use crate::{STREAM_JSON, frame, frames, post};

crate::on_every_engine!(
    what_is_wrong_with_a_frame_is_told_at_the_end,
    a_method_with_one_message_takes_one,
    a_compression_that_nobody_knows_is_unimplemented,
);

fn what_is_wrong_with_a_frame_is_told_at_the_end(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    let good = frame(0, b"{\"number\":\"1\"}");
    for (code, bad) in [
        ("invalid_argument", good[..good.len() - 1].to_vec()),
        ("invalid_argument", vec![0, 0, 0]),
        ("invalid_argument", frame(0, b"{")),
        ("invalid_argument", frame(0, b"{\"number\":\"one\"}")),
        ("invalid_argument", frame(0x80, b"{}")),
        ("invalid_argument", frame(2, b"{}")),
        ("internal", frame(1, b"{}")),
        ("resource_exhausted", vec![0, 255, 255, 255, 255]),
    ] {
        let body = [good.clone(), bad.clone()].concat();
        let answer = post(&mut connection, "Sum", &[STREAM_JSON], &body);
        assert_eq!((answer.status, answer.field("content-type")), (200, Some("application/connect+json")));
        let (messages, end) = frames(&answer);
        assert!(messages.is_empty() && end.contains(&format!("\"code\":\"{code}\"")), "{bad:?}: {end}");
    }
}

fn a_method_with_one_message_takes_one(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    for body in [vec![], [frame(0, b"{}"), frame(0, b"{}")].concat()] {
        let (messages, end) = frames(&post(&mut connection, "Roll", &[STREAM_JSON], &body));
        assert!(messages.is_empty() && end.contains("\"unimplemented\""), "{end}");
    }
}

fn a_compression_that_nobody_knows_is_unimplemented(engine: Engine) {
    let server = Server::start(engine, &[]);
    let fields = [STREAM_JSON, "Connect-Content-Encoding: lzw"];
    let answer = post(&mut server.connect(), "Sum", &fields, &frame(1, b"{}"));
    assert_eq!(answer.field("connect-accept-encoding"), Some("gzip, br, zstd, deflate, snappy"));
    let (_, end) = frames(&answer);
    assert!(end.contains("\"unimplemented\"") && end.contains("lzw"), "{end}");
}
