//! Peers that ask for much and read nothing of it: given up after the deadline for writing, reset so that a part of an answer
//! does not look like all of it.

use crate::support::{Client, Engine};
use crate::{Neighbour, start, twice};

crate::on_three_engines!(answers_that_nobody_reads_are_given_up);

const PEERS: usize = 20;

fn answers_that_nobody_reads_are_given_up(engine: Engine) {
    let server = start(engine, &["--write-timeout", "500ms"]);
    let mut neighbour = Neighbour::of(&server);
    let mut given_up = 0;
    twice(&mut neighbour, |neighbour| {
        let mut peers: Vec<Client> =
            (0..PEERS).map(|_| server.connect_with_receive_buffer(16 * 1024)).collect();
        for peer in &mut peers {
            peer.send("GET /bytes/1000000000 HTTP/1.1\r\nHost: test\r\n\r\n");
            assert_eq!(peer.response_head().status, 200);
        }
        given_up += PEERS as u64;
        crate::until("all are given up", || {
            neighbour.asks_twice();
            neighbour.counters().closes("write_timeout") == given_up
        });
    });
}
