//! No memory for a body that was to be gathered: 503, and the memory it had is given back.

use crate::support::Engine;
use crate::{Neighbour, limits, start, twice};

crate::on_three_engines!(a_body_without_memory_is_503);

const LENGTH: usize = 1 << 30;
const PIECE_BYTES: usize = 1 << 20;

fn a_body_without_memory_is_503(engine: Engine) {
    let server = start(engine, &["--max-buffered-body-bytes", "1g", "--max-body-bytes", "1g"]);
    let mut neighbour = Neighbour::of(&server);
    let piece = vec![b'x'; PIECE_BYTES];
    let mut refused = 0;
    twice(&mut neighbour, |neighbour| {
        let mut peer = server.connect();
        limits::leave_memory(&server, 48 << 20);
        peer.send(format!("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: {LENGTH}\r\n\r\n"));
        let mut pieces = 0;
        while !peer.has_answer() {
            assert!(pieces < LENGTH / PIECE_BYTES, "the memory was there");
            // The refusal may come in the middle of one.
            let _ = peer.try_send(&piece);
            pieces += 1;
            neighbour.asks();
        }
        let answer = peer.response();
        assert_eq!((answer.status, answer.closes()), (503, true));
        assert_eq!(answer.field("retry-after"), Some("1"));
        refused += 1;
        assert_eq!(neighbour.counters().refused("no_memory"), refused);
        limits::lift_memory(&server);
        assert_eq!(server.connect().request("POST", "/echo", &piece).body.len(), PIECE_BYTES);
    });
    assert_eq!(neighbour.counters().closes("overload"), refused);
}
