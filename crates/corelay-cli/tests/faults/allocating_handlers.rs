//! A handler that takes all the memory there is, and gives it back.

use crate::support::Engine;
use crate::{Neighbour, limits, start, twice};

crate::on_three_engines!(a_handler_that_takes_all_memory_disturbs_nobody);

fn a_handler_that_takes_all_memory_disturbs_nobody(engine: Engine) {
    let server = start(engine, &[]);
    let mut neighbour = Neighbour::of(&server);
    twice(&mut neighbour, |neighbour| {
        let mut peer = server.connect();
        assert_eq!(peer.get("/fault/allocate/5000000").text(), "5000000 bytes");
        limits::leave_memory(&server, 256 << 20);
        for _ in 0..2 {
            let answer = peer.get("/fault/allocate/1000000000000");
            assert_eq!(answer.status, 503, "{}", answer.text());
            neighbour.asks();
        }
        limits::lift_memory(&server);
    });
}
