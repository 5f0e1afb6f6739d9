//! Bodies that come a byte at a time, to a route that gathers them and to one that streams them: 408.

use crate::support::{Client, Engine};
use crate::{Neighbour, start, twice};

crate::on_three_engines!(bodies_that_trickle_are_408, bodies_that_stall_are_408);

const PEERS: usize = 30;
const ROUTES: [&str; 2] = ["/echo", "/upload"];

fn uploading(server: &crate::Server, count: usize) -> Vec<Client> {
    let mut peers = Vec::new();
    for route in ROUTES {
        for _ in 0..count {
            let mut peer = server.connect();
            peer.send(format!("POST {route} HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nx"));
            peers.push(peer);
        }
    }
    peers
}

fn expect_408(peer: &mut Client) {
    let answer = peer.response();
    assert_eq!((answer.status, answer.closes()), (408, true));
}

fn bodies_that_trickle_are_408(engine: Engine) {
    let server = start(engine, &["--body-timeout", "500ms", "--min-body-rate", "10m"]);
    let mut neighbour = Neighbour::of(&server);
    twice(&mut neighbour, |neighbour| {
        let mut peers = uploading(&server, PEERS);
        while !peers.is_empty() {
            peers.retain_mut(|peer| {
                let late = peer.has_answer();
                if late {
                    expect_408(peer);
                } else {
                    let _ = peer.try_send("x");
                }
                !late
            });
            neighbour.asks_twice();
        }
    });
    let counters = neighbour.counters();
    // On a machine that pauses for half a second in the wrong place, a trickle looks like a stall.
    let late = counters.closes("body_too_slow") + counters.closes("body_timeout");
    assert_eq!(late, 4 * PEERS as u64);
    assert!(counters.closes("body_too_slow") > 0, "none was seen to trickle");
}

fn bodies_that_stall_are_408(engine: Engine) {
    let server = start(engine, &["--body-timeout", "500ms"]);
    let mut neighbour = Neighbour::of(&server);
    twice(&mut neighbour, |neighbour| {
        let mut peers = uploading(&server, PEERS);
        neighbour.asks_twice();
        peers.iter_mut().for_each(expect_408);
    });
    assert_eq!(neighbour.counters().closes("body_timeout"), 4 * PEERS as u64);
}
