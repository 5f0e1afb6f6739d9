//! Calls that come in pieces, cut anywhere, are the same calls.

use crate::support::{Engine, Server};
use crate::{JSON, STREAM_JSON, frame, frames, message};

crate::on_every_engine!(a_unary_call_may_come_in_two_pieces, a_stream_may_come_byte_by_byte);

fn a_unary_call_may_come_in_two_pieces(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    let whole = message("Draw", &[JSON], b"{\"count\":3,\"max\":1}");
    for cut in (1..whole.len()).step_by(7).chain(whole.len() - 20..whole.len()) {
        connection.send(&whole[..cut]);
        connection.send(&whole[cut..]);
        assert_eq!(connection.response().text(), r#"{"numbers":["0","0","0"]}"#, "cut at {cut}");
    }
}

fn a_stream_may_come_byte_by_byte(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    let body = [frame(0, b"{\"number\":\"-5\"}"), frame(0, b"{}"), frame(0, b"{\"number\":7}")].concat();
    for byte in message("Sum", &[STREAM_JSON], &body) {
        connection.send([byte]);
    }
    let (messages, end) = frames(&connection.response());
    assert_eq!((&*messages, &*end), (&[r#"{"sum":"2","count":"3"}"#.to_owned()][..], "{}"));
}
