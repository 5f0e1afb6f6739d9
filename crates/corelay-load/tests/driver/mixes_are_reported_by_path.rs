//! Groups and paths do not mix their figures.

use crate::server::Server;
use corelay_load::{Group, Mix, Plan, run};
use std::time::Duration;

#[test]
fn each_path_of_each_group_has_its_own_figures() {
    let server = Server::start();
    let mut plan = Plan::new(server.address);
    (plan.warm_up, plan.duration) = (Duration::ZERO, Duration::from_millis(400));
    plan.drain = Duration::from_secs(30);
    plan.groups.push(Group::open("mixed", 4, 500.0, Mix::weighted([("/length", 3), ("/chunked", 1)])));
    plan.groups.push(Group::open("failing", 1, 50.0, Mix::only("/unavailable")));
    let report = run(&plan).unwrap();
    let mixed = report.group("mixed").unwrap();
    let requests = |path| mixed.path(path).unwrap().requests;
    assert_eq!(
        (requests("/length"), requests("/chunked")),
        (server.seen("/length"), server.seen("/chunked"))
    );
    assert_eq!((requests("/length") + requests("/chunked"), mixed.total.requests), (200, 200));
    assert!(requests("/chunked") > 0 && requests("/chunked") < requests("/length"));
    assert_eq!(mixed.path("/chunked").unwrap().body_bytes, requests("/chunked") * 7);
    assert_eq!(mixed.total.errors.total(), 0);
    assert_eq!(report.group("failing").unwrap().total.errors.bad_status, 20);

    // The draws are the seed's, whatever the timing was.
    let again = run(&plan).unwrap();
    assert_eq!(again.group("mixed").unwrap().path("/chunked").unwrap().requests, requests("/chunked"));
}
