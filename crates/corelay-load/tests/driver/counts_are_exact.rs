//! What was due was sent, what was sent is counted, once.

use crate::server::Server;
use corelay_load::{Group, Mix, Plan, run};
use std::time::Duration;

#[test]
fn an_open_loop_sends_what_is_due_and_no_more() {
    let server = Server::start();
    let mut plan = Plan::new(server.address);
    (plan.warm_up, plan.duration) = (Duration::ZERO, Duration::from_millis(500));
    plan.drain = Duration::from_secs(30);
    plan.groups.push(Group::open("paced", 4, 200.0, Mix::only("/length")));
    let report = run(&plan).unwrap();
    let total = &report.groups[0].total;
    assert_eq!((total.requests, total.answered, total.latency.count), (100, 100, 100));
    assert_eq!((server.seen("/length"), total.body_bytes), (100, 500));
    assert!(report.driver.schedule_error.unwrap().count == 100);
}

#[test]
fn a_closed_loop_counts_every_request_the_server_saw() {
    let server = Server::start();
    let mut plan = Plan::new(server.address);
    (plan.warm_up, plan.duration) = (Duration::ZERO, Duration::from_millis(200));
    plan.drain = Duration::from_secs(30);
    plan.groups.push(Group::closed("plain", 3, Mix::only("/length")));
    let report = run(&plan).unwrap();
    let group = report.group("plain").unwrap();
    assert_eq!(group.total.requests, server.seen("/length"));
    assert_eq!(group.total.errors.total(), 0);
    assert_eq!(group.total.body_bytes, group.total.answered * 5);
    assert!(group.slowest_connection_per_second > 0.0 && report.driver.schedule_error.is_none());
}

#[test]
fn the_warm_up_is_served_and_not_counted() {
    let server = Server::start();
    let mut plan = Plan::new(server.address);
    (plan.warm_up, plan.duration) = (Duration::from_millis(300), Duration::from_millis(100));
    plan.drain = Duration::from_secs(30);
    plan.groups.push(Group::open("paced", 2, 100.0, Mix::only("/length")));
    let total = run(&plan).unwrap().groups.remove(0).total;
    assert_eq!(server.seen("/length"), 40);
    // The ten of the measured time, and those of the warm-up that ended late, on a machine that was slow.
    assert!((10..40).contains(&total.requests), "{}", total.requests);
}
