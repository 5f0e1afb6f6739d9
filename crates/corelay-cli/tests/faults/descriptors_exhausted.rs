//! No descriptor for a new connection: it waits in the kernel's queue until there is one, and those that are open go on.

use crate::support::{Client, Engine};
use crate::{Neighbour, limits, start, twice};

crate::on_three_engines!(out_of_descriptors_new_connections_wait_for_one);

const PEERS: usize = 40;

fn out_of_descriptors_new_connections_wait_for_one(engine: Engine) {
    let server = start(engine, &[]);
    let mut neighbour = Neighbour::of(&server);
    let mut pauses = 0;
    twice(&mut neighbour, |neighbour| {
        limits::leave_files(&server, 8);
        let mut peers: Vec<Client> = (0..PEERS).map(|_| server.connect()).collect();
        peers.iter_mut().for_each(|peer| peer.send("GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n"));
        crate::until("accepting pauses", || neighbour.counters().accept_pauses() > pauses);
        assert!(neighbour.counters().connections() < PEERS as u64, "there were descriptors for all");
        neighbour.asks();
        limits::lift_files(&server);
        peers.iter_mut().for_each(|peer| assert_eq!(peer.response().text(), "Hello, World!"));
        pauses = neighbour.counters().accept_pauses();
    });
    neighbour.asks_twice();
}
