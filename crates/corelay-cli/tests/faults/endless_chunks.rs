//! Chunked bodies that are all overhead: extensions, trailers and empty promises without end.

use crate::support::Engine;
use crate::{Neighbour, start, twice};

crate::on_three_engines!(chunk_extensions_and_trailers_without_end_are_refused);

const PIECE_BYTES: usize = 256 << 10;
const PIECES: usize = 40;

/// What is sent behind the head once, what is sent again and again, and what it is refused with.
const BODIES: [(&str, &str, u16); 5] = [
    ("5;a=", "x", 400),
    ("", "1;extension=value-of-it\r\nx\r\n", 400),
    ("0\r\nTrailer: ", "x", 431),
    ("0\r\n", "A: b\r\n", 431),
    ("", "0", 400),
];

fn chunk_extensions_and_trailers_without_end_are_refused(engine: Engine) {
    let server = start(engine, &["--linger-timeout", "100ms"]);
    let mut neighbour = Neighbour::of(&server);
    let mut refused = 0;
    twice(&mut neighbour, |neighbour| {
        for route in ["/echo", "/upload"] {
            for (beginning, repeated, status) in BODIES {
                let mut peer = server.connect();
                peer.send(format!(
                    "POST {route} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
                ));
                peer.send(beginning);
                let piece = repeated.repeat(PIECE_BYTES / repeated.len());
                for _ in 0..PIECES {
                    if peer.try_send(&piece).is_err() {
                        break;
                    }
                    neighbour.asks();
                }
                assert_eq!(peer.response().status, status, "{route} {beginning:?} {repeated:?}");
                refused += 1;
            }
        }
    });
    let counters = neighbour.counters();
    assert_eq!(counters.closes("malformed") + counters.closes("too_large"), refused);
}
