//! A handler that panics 100,000 times: each costs its own request a 500, is counted, and leaves nothing behind.

use crate::support::Engine;
use crate::{Neighbour, start, twice};

crate::on_three_engines!(each_of_many_panics_is_a_500);

/// Unwinding through an unoptimised build takes many times as long.
const PANICS: usize = if cfg!(debug_assertions) { 4_000 } else { 100_000 };
const AT_ONCE: usize = 50;

fn each_of_many_panics_is_a_500(engine: Engine) {
    let server = start(engine, &["--log", "off"]);
    let mut neighbour = Neighbour::of(&server);
    let mut panics = 0;
    twice(&mut neighbour, |neighbour| {
        let mut peer = server.connect();
        let together = "GET /fault/panic HTTP/1.1\r\nHost: test\r\n\r\n".repeat(AT_ONCE);
        for _ in 0..PANICS / 2 / AT_ONCE {
            peer.send(&together);
            for _ in 0..AT_ONCE {
                let answer = peer.response();
                assert_eq!((answer.status, answer.closes()), (500, false));
            }
            panics += AT_ONCE as u64;
            neighbour.asks();
        }
        assert_eq!(peer.get("/plaintext").status, 200, "the connection goes on");
        assert_eq!(neighbour.counters().handler_panics(), panics);
    });
    neighbour.asks_twice();
}
