//! Everything a byte at a time, each in a segment of its own: slow, and no less right.

use crate::support::{Client, Engine};
use crate::{Neighbour, start, twice};

crate::on_three_engines!(requests_of_one_byte_segments_are_answered);

const PEERS: usize = 20;
const REQUESTS: [(&str, &str); 3] = [
    ("GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n", "Hello, World!"),
    (
        "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nsai\r\n1\r\nd\r\n0\r\nT: x\r\n\r\n",
        "said",
    ),
    ("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\n12345678", "8"),
];

fn requests_of_one_byte_segments_are_answered(engine: Engine) {
    let server = start(engine, &[]);
    let mut neighbour = Neighbour::of(&server);
    twice(&mut neighbour, |neighbour| {
        let mut peers: Vec<Client> = (0..PEERS).map(|_| server.connect()).collect();
        for (request, expected) in REQUESTS {
            for byte in request.as_bytes() {
                peers.iter_mut().for_each(|peer| peer.send([*byte]));
            }
            neighbour.asks_twice();
            for peer in &mut peers {
                let answer = peer.response();
                assert_eq!((answer.status, answer.text()), (200, expected));
            }
        }
    });
    assert_eq!(neighbour.counters().closes("malformed"), 0);
}
