//! Slowloris: heads that come a byte at a time. Each has one deadline, and then 408.

use crate::support::{Client, Engine, Server};
use crate::{Neighbour, start, twice};

crate::on_three_engines!(heads_that_trickle_are_408, connections_that_say_nothing_are_closed);

const PEERS: usize = 150;

fn heads_that_trickle_are_408(engine: Engine) {
    let server = start(engine, &["--head-timeout", "700ms"]);
    let mut neighbour = Neighbour::of(&server);
    twice(&mut neighbour, |neighbour| {
        let mut peers: Vec<Client> = (0..PEERS).map(|_| server.connect()).collect();
        peers.iter_mut().for_each(|peer| peer.send("GET / HTTP/1.1\r\nHost: test\r\nX: "));
        while !peers.is_empty() {
            peers.retain_mut(|peer| !is_refused_after_a_byte(peer));
            neighbour.asks_twice();
        }
    });
    assert_eq!(neighbour.counters().closes("head_timeout"), 2 * PEERS as u64);
}

fn is_refused_after_a_byte(peer: &mut Client) -> bool {
    if !peer.has_answer() {
        // Refused in between, it is not taken any more.
        let _ = peer.try_send("x");
        return false;
    }
    let answer = peer.response();
    assert_eq!((answer.status, answer.closes()), (408, true));
    true
}

fn connections_that_say_nothing_are_closed(engine: Engine) {
    let server: Server = start(engine, &["--head-timeout", "500ms"]);
    let mut neighbour = Neighbour::of(&server);
    twice(&mut neighbour, |neighbour| {
        let peers: Vec<Client> = (0..PEERS).map(|_| server.connect()).collect();
        neighbour.asks();
        peers.into_iter().for_each(|mut peer| peer.expect_end());
    });
    assert_eq!(neighbour.counters().closes("idle_timeout"), 2 * PEERS as u64);
}
