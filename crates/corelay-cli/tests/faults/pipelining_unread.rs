//! 100,000 requests in a row from a peer that reads no answer: it is not read from any further, and costs no more memory, until it
//! reads. Then it gets all of them, in order.

use std::io::{ErrorKind, Write};

use crate::support::{Client, Engine};
use crate::{Neighbour, start, twice};

crate::on_three_engines!(a_peer_that_reads_nothing_is_not_read_from);

const REQUESTS: usize = 100_000;
/// What they may cost in memory, in bytes: the answers of one turn and the buffers of a few threads. Their answers are 17 MB.
const MEMORY_BYTES_MAX: u64 = 10 << 20;
/// Turns of a neighbour without a byte taken, after which the server has stopped reading.
const STANDSTILL: usize = 200;

fn a_peer_that_reads_nothing_is_not_read_from(engine: Engine) {
    let server = start(engine, &[]);
    let mut neighbour = Neighbour::of(&server);
    let requests: String = (0..REQUESTS)
        .map(|number| format!("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\n\r\n{number:06}"))
        .collect();
    twice(&mut neighbour, |neighbour| {
        let mut peer = server.connect_with_receive_buffer(16 * 1024);
        let before = server.process().resident_bytes();
        let sent = send_until_nothing_is_taken(&peer, requests.as_bytes(), neighbour);
        assert!(sent < requests.len(), "all {REQUESTS} requests were taken");
        let resident = server.process().resident_bytes();
        assert!(resident < before + MEMORY_BYTES_MAX, "{before} bytes became {resident}");
        read_in_order(&mut peer, &requests.as_bytes()[sent..]);
    });
}

/// How many bytes were taken.
fn send_until_nothing_is_taken(peer: &Client, bytes: &[u8], neighbour: &mut Neighbour<'_>) -> usize {
    let mut stream = peer.stream();
    stream.set_nonblocking(true).expect("a socket can be non-blocking");
    let (mut sent, mut still) = (0, 0);
    while still < STANDSTILL && sent < bytes.len() {
        match stream.write(&bytes[sent..]) {
            Ok(count) => (sent, still) = (sent + count, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                neighbour.asks();
                still += 1;
            }
            Err(error) => panic!("the connection broke: {error}"),
        }
    }
    stream.set_nonblocking(false).expect("a socket can be blocking");
    sent
}

/// Reads all answers while the rest of the requests is sent.
fn read_in_order(peer: &mut Client, rest: &[u8]) {
    let mut sending = peer.stream().try_clone().expect("a socket can be cloned");
    std::thread::scope(|scope| {
        scope.spawn(move || sending.write_all(rest).expect("the server reads on"));
        for number in 0..REQUESTS {
            assert_eq!(peer.response().text(), format!("{number:06}"));
        }
    });
}
