//! Handlers that never return hold their own connections, and as many threads as there may be for such; past those, 503. Nobody
//! else waits for them: not their neighbours, and not the end of the server.

use rustix::process::Signal;

use crate::support::{Client, Engine, Server};
use crate::{Neighbour, start, until};

crate::on_three_engines!(handlers_that_never_return_hold_up_nobody_else);

/// Threads that handlers may hold.
const THREADS: usize = 6;

/// In a pool each has a worker, and one must be left; on `threads` each has a thread anyway (docs/engines.md).
fn asked(engine: Engine) -> usize {
    match engine.name {
        "pool" => 1,
        "threads" => THREADS,
        _ => 3 * THREADS,
    }
}

fn handlers_that_never_return_hold_up_nobody_else(engine: Engine) {
    let flags = ["--drain", "300ms", "--max-service-threads", &THREADS.to_string()];
    let server = start(engine, &flags);
    let mut neighbour = Neighbour::of(&server);
    let mut hanging = Vec::new();
    for _ in 0..asked(engine) {
        let mut peer: Client = server.connect();
        peer.send("GET /fault/hang HTTP/1.1\r\nHost: test\r\n\r\n");
        // Once a core has been taken from it, and the route is learnt, the last are refused.
        for _ in 0..20 {
            neighbour.asks_twice();
        }
        hanging.push(peer);
    }
    let refused = refusals(&mut hanging);
    assert_eq!(neighbour.counters().refused("no_service_thread"), refused);
    assert_eq!(refused > 0, engine.name == "cores", "{refused} refused");
    until("those that hang are connected, and nobody else", || {
        neighbour.counters().connections() == 1 + hanging.len() as u64
    });
    expect_cut_off(server, hanging);
}

/// Takes out those that were answered 503.
fn refusals(peers: &mut Vec<Client>) -> u64 {
    let all = peers.len();
    peers.retain_mut(|peer| {
        let refused = peer.has_answer();
        if refused {
            assert_eq!(peer.response().status, 503);
        }
        !refused
    });
    (all - peers.len()) as u64
}

/// The end of the server waits for them as long as its drain may take.
fn expect_cut_off(server: Server, mut hanging: Vec<Client>) {
    server.signal(Signal::TERM);
    let finished = server.wait();
    assert_eq!(finished.code, 1, "cut off: {}", finished.stderr);
    hanging.iter_mut().for_each(Client::expect_any_end);
}
