//! Every way to fail has a kind of its own, and fails a request once.

use crate::server::Server;
use corelay_load::{Error, ErrorCounts, Group, Mix, Placement, Plan, Total, run};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::time::Duration;

fn plan(address: SocketAddr, path: &str) -> Plan {
    let mut plan = Plan::new(address);
    (plan.warm_up, plan.duration) = (Duration::ZERO, Duration::from_millis(300));
    plan.drain = Duration::from_secs(30);
    plan.groups.push(Group::open("g", 1, 10.0, Mix::only(path)));
    plan
}

fn total(plan: &Plan) -> Total {
    run(plan).unwrap().groups.remove(0).total
}

#[test]
fn each_request_fails_once_under_what_went_wrong_first() {
    type Kind = fn(&ErrorCounts) -> u64;
    let cases: [(&str, Kind); 4] = [
        ("/cut", |errors| errors.reset),
        ("/unavailable", |errors| errors.bad_status),
        ("/garbage", |errors| errors.bad_framing),
        ("/twice", |errors| errors.bad_framing),
    ];
    for (path, kind) in cases {
        let total = total(&plan(Server::start().address, path));
        assert_eq!(
            (total.requests, total.answered, kind(&total.errors)),
            (3, 0, 3),
            "{path} {:?}",
            total.errors
        );
        assert_eq!(total.latency.count, 0, "{path}: what broke says nothing of latency");
    }
}

#[test]
fn a_server_that_is_not_there_is_a_connect_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut plan = plan(address, "/");
    // The last of the three may still rest when the run ends.
    plan.drain = Duration::from_millis(500);
    let total = total(&plan);
    assert_eq!((total.requests, total.answered), (3, 0));
    assert!(total.errors.connect > 0, "{:?}", total.errors);
    assert_eq!(total.errors.connect + total.errors.unanswered, 3, "{:?}", total.errors);
}

#[test]
fn an_answer_that_does_not_come_is_a_timeout_and_counts_as_long_as_it_was_waited_for() {
    let mut plan = plan(Server::start().address, "/never");
    plan.timeout = Duration::from_millis(50);
    let total = total(&plan);
    assert_eq!((total.requests, total.errors.timeout, total.latency.count), (3, 3, 3), "{:?}", total.errors);
    assert!(total.latency.p50 >= Duration::from_millis(50), "{:?}", total.latency);
}

#[test]
fn what_is_out_at_the_end_is_unanswered_and_so_is_what_was_queued_behind_it() {
    let mut plan = plan(Server::start().address, "/never");
    plan.drain = Duration::ZERO;
    let total = total(&plan);
    assert_eq!((total.requests, total.errors.unanswered), (3, 3), "{:?}", total.errors);
    assert!(total.latency.max >= Duration::from_millis(300), "{:?}", total.latency);
}

#[test]
fn a_plan_without_sense_does_not_begin() {
    let mut plan = plan(SocketAddr::from(([127, 0, 0, 1], 1)), "/");
    plan.groups.clear();
    assert!(matches!(run(&plan), Err(Error::Plan(_))));
}

#[test]
fn connections_that_another_process_serves_cannot_be_placed_and_nor_can_a_probe_that_fails() {
    // It waits for its input, and uses no CPU time.
    let mut idle = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    for (probe, named) in [("/length", "is that the server"), ("/unavailable", "the answer is 503")] {
        let mut plan = plan(Server::start().address, "/length");
        plan.groups[0].placement = Some(Placement::new(idle.id(), probe));
        let error = run(&plan).unwrap_err();
        assert!(matches!(error, Error::Placement(_)) && error.to_string().contains(named), "{error}");
    }
    drop(idle.stdin.take());
    idle.wait().unwrap();
}
