//! Heads of 100 MB: refused at their limit, in memory that does not grow with them.

use crate::support::Engine;
use crate::{Neighbour, start, twice};

crate::on_three_engines!(heads_of_100_mb_are_refused_at_their_limit);

const PIECE_BYTES: usize = 1 << 20;
const PIECES: usize = 100;
/// What 100 MB may cost in memory, in bytes: the buffers of a few threads.
const MEMORY_BYTES_MAX: u64 = 16 << 20;

/// How each begins, what is repeated in it, and what it is refused with.
const HEADS: [(&str, &str, u16); 4] = [
    ("GET /", "x", 414),
    ("GET / HTTP/1.1\r\nHost: test\r\nX: ", "x", 431),
    ("GET / HTTP/1.1\r\nHost: test\r\n", "A: b\r\n", 431),
    ("", "\r\n", 400),
];

fn heads_of_100_mb_are_refused_at_their_limit(engine: Engine) {
    let server = start(engine, &["--linger-timeout", "100ms"]);
    let mut neighbour = Neighbour::of(&server);
    twice(&mut neighbour, |neighbour| {
        let before = server.process().resident_bytes();
        for (beginning, repeated, status) in HEADS {
            let mut peer = server.connect();
            peer.send(beginning);
            let piece = repeated.repeat(PIECE_BYTES / repeated.len());
            for _ in 0..PIECES {
                // Refused long since, and read no longer than it lingers.
                if peer.try_send(&piece).is_err() {
                    break;
                }
                let resident = server.process().resident_bytes();
                assert!(resident < before + MEMORY_BYTES_MAX, "{before} bytes became {resident}");
                neighbour.asks();
            }
            assert_eq!(peer.response().status, status, "{beginning:?}");
        }
    });
    let counters = neighbour.counters();
    assert_eq!((counters.closes("too_large"), counters.closes("malformed")), (6, 2));
}
