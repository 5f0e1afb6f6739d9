//! Peers that ask for much and read nothing of it, or next to nothing: given up after the deadline for writing, or once they were slower
//! than the least rate; reset so that a part of an answer does not look like all of it, and so that the kernel keeps nothing of it.

use std::io::Read;

use crate::support::{Client, Engine, Server};
use crate::{Neighbour, start, twice};

crate::on_three_engines!(
    answers_that_nobody_reads_are_given_up,
    answers_that_are_read_in_a_trickle_are_given_up,
    answers_that_are_read_steadily_are_not_given_up,
);

const PEERS: usize = 20;
/// What a peer that trickles reads at a time, in bytes; and one that does not.
const TRICKLE_BYTES: usize = 1024;
const PIECE_BYTES: usize = 16 * 1024;

/// Peers to which an answer without end is under way.
fn asking(server: &Server, count: usize) -> Vec<Client> {
    let mut peers: Vec<Client> = (0..count).map(|_| server.connect_with_receive_buffer(16 * 1024)).collect();
    for peer in &mut peers {
        peer.send("GET /bytes/1000000000000 HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(peer.response_head().status, 200);
    }
    peers
}

fn answers_that_nobody_reads_are_given_up(engine: Engine) {
    let server = start(engine, &["--write-timeout", "500ms"]);
    let mut neighbour = Neighbour::of(&server);
    let mut given_up = 0;
    twice(&mut neighbour, |neighbour| {
        let _peers = asking(&server, PEERS);
        given_up += PEERS as u64;
        crate::until("all are given up", || {
            neighbour.asks_twice();
            neighbour.counters().closes("write_timeout") == given_up
        });
    });
}

/// They read a little between two requests of a neighbour, which is far from the rate that the server wants, and never nothing.
fn answers_that_are_read_in_a_trickle_are_given_up(engine: Engine) {
    let server = start(engine, &["--write-timeout", "500ms", "--min-write-rate", "100g"]);
    let mut neighbour = Neighbour::of(&server);
    twice(&mut neighbour, |neighbour| {
        let mut peers = asking(&server, PEERS);
        while !peers.is_empty() {
            // Which it hears of as a reset.
            peers.retain(|peer| peer.stream().read(&mut [0; TRICKLE_BYTES]).is_ok_and(|count| count > 0));
            neighbour.asks_twice();
        }
    });
    let counters = neighbour.counters();
    // On a machine that pauses for half a second in the wrong place, a trickle looks like nothing at all.
    assert_eq!(counters.closes("write_too_slow") + counters.closes("write_timeout"), 2 * PEERS as u64);
    assert!(counters.closes("write_too_slow") > 0, "none was seen to trickle");
}

/// They outlive, with output that waits all the time, several peers that read nothing and are given up.
fn answers_that_are_read_steadily_are_not_given_up(engine: Engine) {
    let server = start(engine, &["--write-timeout", "1s", "--min-write-rate", "16k"]);
    let mut neighbour = Neighbour::of(&server);
    let mut given_up = 0;
    twice(&mut neighbour, |neighbour| {
        let mut steady = asking(&server, PEERS / 4);
        for _ in 0..2 {
            let _silent = asking(&server, 1);
            given_up += 1;
            crate::until("the silent one is given up", || {
                for peer in &mut steady {
                    peer.exactly(PIECE_BYTES);
                }
                neighbour.asks();
                // What it took before it fell silent may have been too little.
                let counters = neighbour.counters();
                counters.closes("write_timeout") + counters.closes("write_too_slow") == given_up
            });
        }
        steady.iter_mut().for_each(|peer| drop(peer.exactly(PIECE_BYTES)));
    });
}
