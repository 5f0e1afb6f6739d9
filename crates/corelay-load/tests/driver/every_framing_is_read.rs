//! Answers end where RFC 9112 section 6.3 says.

use crate::server::Server;
use corelay_load::{Group, Mix, Plan, run};
use std::time::Duration;

#[test]
fn lengths_chunks_and_closing_connections_give_their_bodies() {
    for (path, body_bytes) in [("/length", 5), ("/chunked", 7), ("/until-close", 19), ("/close", 2)] {
        let server = Server::start();
        let mut plan = Plan::new(server.address);
        (plan.warm_up, plan.duration) = (Duration::ZERO, Duration::from_millis(200));
        plan.drain = Duration::from_secs(30);
        plan.groups.push(Group::open("g", 2, 50.0, Mix::only(path)));
        let total = run(&plan).unwrap().groups.remove(0).total;
        assert_eq!((total.answered, total.errors.total()), (10, 0), "{path}");
        assert_eq!((total.body_bytes, server.seen(path)), (10 * body_bytes, 10), "{path}");
    }
}
