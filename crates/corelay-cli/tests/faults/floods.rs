//! Floods of connections that are closed or reset at once, with nothing said, half a request or a whole one.

use std::net::Ipv4Addr;
use std::time::Duration;

use socket2::SockRef;

use crate::support::{Client, Engine};
use crate::{Neighbour, start, twice, until};

crate::on_three_engines!(connects_and_closes_leave_nothing, resets_leave_nothing);

const CONNECTIONS: u8 = 250;
const SAID: [&str; 4] = ["", "GET /pl", "GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n", "nonsense\r\n\r\n"];

/// Opens connections, each from an address of its own range so that no ports run out, and ends them as told.
fn flood(engine: Engine, flags: &[&str], end: fn(Client)) {
    let server = start(engine, flags);
    let mut neighbour = Neighbour::of(&server);
    twice(&mut neighbour, |neighbour| {
        for number in 0..CONNECTIONS {
            for said in SAID {
                let mut peer = server.connect_from(Ipv4Addr::new(127, 9, 1, number));
                peer.send(said);
                end(peer);
            }
            if number % 10 == 0 {
                neighbour.asks_twice();
            }
        }
    });
    let flood = 2 * SAID.len() as u64 * u64::from(CONNECTIONS);
    // The descriptor of a connection is gone a moment before its end is counted.
    until("each is closed for a reason, and the neighbour is open", || {
        let counters = neighbour.counters();
        counters.accepted() > flood && counters.accepted() == counters.closed() + 1
    });
}

fn connects_and_closes_leave_nothing(engine: Engine) {
    flood(engine, &[], drop);
}

fn resets_leave_nothing(engine: Engine) {
    flood(engine, &[], |peer| {
        // SO_LINGER {1, 0}: closing is a reset (socket(7)).
        SockRef::from(peer.stream()).set_linger(Some(Duration::ZERO)).expect("any TCP socket can");
    });
}
