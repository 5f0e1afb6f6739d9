//! One node after the other is ended and started again under load, and no client sees it, whatever its method.

use rustix::process::Signal;

use crate::balanced::{Balanced, NODES};
use crate::load::Load;
use crate::machines::CLIENT;
use crate::support::Engine;

const REQUESTS: &str = "\
[[request]]
path = '/plaintext'
weight = 30

[[request]]
path = '/echo'
method = 'POST'
body = 'not to be done twice'
weight = 15

# Few: on the pool a handler that waits makes its worker wait.
[[request]]
path = '/sleep/50'
";

fn a_rolling_restart_fails_no_request(engine: Engine) {
    let mut balanced = Balanced::start(engine);
    let load = Load::start(&balanced, REQUESTS);
    for number in 1..=NODES {
        let node = balanced.take_node(number);
        node.signal(Signal::TERM);
        balanced.wait_until(number, "DOWN");
        let finished = node.wait();
        assert_eq!(finished.code, 0, "{}", finished.stderr);
        let peer = format!("peer={CLIENT}:");
        assert!(finished.stderr.contains(&peer), "the node knows its clients: {}", finished.stderr);
        balanced.start_node(number);
        balanced.wait_until(number, "UP");
    }
    load.end().assert_nothing_failed();
}

#[test]
fn a_rolling_restart_fails_no_request_on_cores() {
    a_rolling_restart_fails_no_request(Engine::CORES_PER_CORE);
}

#[test]
fn a_rolling_restart_fails_no_request_on_threads() {
    a_rolling_restart_fails_no_request(Engine::THREADS);
}

#[test]
fn a_rolling_restart_fails_no_request_on_pool() {
    a_rolling_restart_fails_no_request(Engine::POOL);
}
