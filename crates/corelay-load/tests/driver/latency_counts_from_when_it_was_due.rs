//! No coordinated omission: a stall shows in every request it delayed.

use crate::server::Server;
use corelay_load::{Group, Mix, Pace, Plan, Total, run};
use std::time::Duration;

/// Half a second, one connection; the server stalls once, for 200 ms.
fn through_a_stall(pace: Pace) -> Total {
    let server = Server::start();
    let mut plan = Plan::new(server.address);
    (plan.warm_up, plan.duration) = (Duration::ZERO, Duration::from_millis(500));
    plan.drain = Duration::from_secs(30);
    plan.groups.push(Group::closed("g", 1, Mix::only("/stall-once")));
    plan.groups[0].pace = pace;
    run(&plan).unwrap().groups.remove(0).total
}

#[test]
fn a_stall_delays_every_request_that_was_due_meanwhile() {
    let total = through_a_stall(Pace::Open { requests_per_second: 100.0 });
    assert_eq!((total.requests, total.answered), (50, 50));
    // One every 10 ms: of those due in the 200 ms, the first ten waited for 100 ms at least. They are a fifth of all.
    assert!(total.latency.p90 >= Duration::from_millis(100), "{:?}", total.latency);
    assert!(total.latency.max >= Duration::from_millis(200), "{:?}", total.latency);
}

#[test]
fn a_closed_loop_sees_one_slow_request() {
    let total = through_a_stall(Pace::Closed);
    // It stopped asking, which is why a closed loop cannot tell how long users wait.
    assert!(total.latency.max >= Duration::from_millis(200), "{:?}", total.latency);
    assert_eq!(total.requests, total.answered);
}
