//! Several requests out on a connection: answers belong to them in their order.

use crate::server::Server;
use corelay_load::{Group, Mix, Plan, run};
use std::time::Duration;

fn plan(server: &Server, group: Group) -> Plan {
    let mut plan = Plan::new(server.address);
    (plan.warm_up, plan.duration) = (Duration::ZERO, Duration::from_millis(200));
    plan.drain = Duration::from_secs(30);
    plan.groups.push(group);
    plan
}

#[test]
fn what_the_server_saw_is_what_is_counted() {
    let server = Server::start();
    let mut group = Group::closed("g", 3, Mix::weighted([("/length", 1), ("/chunked", 1)]));
    group.pipeline = 8;
    let report = run(&plan(&server, group)).unwrap();
    let group = &report.groups[0];
    for path in ["/length", "/chunked"] {
        assert_eq!(group.path(path).unwrap().answered, server.seen(path), "{path}");
    }
    assert_eq!(group.total.errors.total(), 0);
    assert!(group.total.answered >= 24, "each connection had eight out at once");
    assert_eq!(group.statuses.get(&200), Some(&group.total.answered));
}

#[test]
fn what_is_due_is_sent_though_an_answer_is_out() {
    let server = Server::start();
    let mut group = Group::open("g", 1, 100.0, Mix::only("/never"));
    group.pipeline = 4;
    let mut plan = plan(&server, group);
    plan.drain = Duration::ZERO;
    let total = run(&plan).unwrap().groups.remove(0).total;
    // Of the twenty that were due four were sent, and the others waited behind them.
    assert_eq!((total.requests, total.errors.unanswered), (20, 20));
    let seen = server.seen("/never");
    // It may not have read the last of them yet.
    assert!((2..=4).contains(&seen), "{seen}");
}

#[test]
fn those_behind_one_that_broke_fail_with_their_connection() {
    let server = Server::start();
    let mut group = Group::open("g", 1, 100.0, Mix::only("/cut"));
    (group.pipeline, group.requests_per_connection) = (8, Some(2));
    let total = run(&plan(&server, group)).unwrap().groups.remove(0).total;
    assert_eq!((total.requests, total.errors.reset), (20, 20), "{:?}", total.errors);
}
