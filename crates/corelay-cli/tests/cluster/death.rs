//! A node dies without a word. Requests that may be done twice are done by another node; of others the client hears that nobody
//! knows what became of them.

use rustix::process::Signal;

use crate::balanced::{Balanced, NODES};
use crate::load::Load;
use crate::support::{Client, Engine, has_request_in_hand};

const REQUESTS: &str = "\
[[request]]
path = '/plaintext'
weight = 20

# Some are in hand whenever a node dies. Not many: what still waits for its turn a second after the load ends counts as failed.
[[request]]
path = '/sleep/100'
";

/// The number of the node that has a request in hand.
fn busy_node(balanced: &Balanced) -> usize {
    loop {
        for number in 1..=NODES {
            if has_request_in_hand(&balanced.status(number)) {
                return number;
            }
        }
    }
}

fn kill(balanced: &mut Balanced, number: usize) {
    let node = balanced.take_node(number);
    node.signal(Signal::KILL);
    assert_eq!(node.wait().code, 128 + 9);
}

/// Requests that all nodes but this one have answered or begun.
fn requests_elsewhere(balanced: &Balanced, dead: usize) -> u64 {
    let requests = |number| {
        let status = balanced.status(number);
        let cores = status["cores"].as_array().expect("there are cores").iter();
        let cores: u64 = cores.map(|core| core["requests"].as_u64().expect("a count")).sum();
        cores + status["service"]["requests"].as_u64().expect("a count")
    };
    (1..=NODES).filter(|number| *number != dead).map(requests).sum()
}

#[test]
fn the_death_of_nodes_under_load_fails_no_request_that_may_be_done_twice() {
    let mut balanced = Balanced::start(Engine::CORES_PER_CORE);
    let load = Load::start(&balanced, REQUESTS);
    for number in 1..=NODES {
        kill(&mut balanced, number);
        balanced.wait_until(number, "DOWN");
        balanced.start_node(number);
        balanced.wait_until(number, "UP");
    }
    println!("{} retries", balanced.retries());
    load.end().assert_nothing_failed();
}

#[test]
fn a_request_in_hand_that_may_be_done_twice_is_answered_by_another_node() {
    let mut balanced = Balanced::start(Engine::CORES_PER_CORE);
    let mut client = balanced.connect();
    client.send("GET /sleep/3000 HTTP/1.1\r\nHost: test\r\n\r\n");
    let busy = busy_node(&balanced);
    kill(&mut balanced, busy);
    assert_eq!(client.response().status, 200);
    assert_eq!(balanced.retries(), 1);
    assert_eq!(requests_elsewhere(&balanced, busy), 1);
}

#[test]
fn a_request_in_hand_that_may_not_be_done_twice_is_told_so_and_not_done_again() {
    let mut balanced = Balanced::start(Engine::CORES_PER_CORE);
    let mut client: Client = balanced.connect();
    client.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\nthe first of it");
    let busy = busy_node(&balanced);
    kill(&mut balanced, busy);
    assert_eq!(client.response().status, 502);
    assert_eq!((balanced.retries(), requests_elsewhere(&balanced, busy)), (0, 0));
    // The dead node has the fewest connections, so HAProxy tries it first until its checks tell.
    for _ in 0..6 {
        let mut next = balanced.connect();
        assert_eq!(next.request("POST", "/echo", b"another one").text(), "another one");
    }
}
