//! What a program gives its server ends with it.

use super::support::{Serving, one_core};
use corelay::config::Cores;
use corelay::http::{Json, State};
use corelay::status::ServerStatus;
use corelay::{Router, Server};
use std::sync::Arc;

#[test]
fn a_state_is_dropped_when_the_server_has_ended_and_nobody_holds_its_handle() {
    let state = Arc::new("state");
    let seen = Arc::downgrade(&state);
    let router = Router::new()
        .get("/", |State(text): State<&'static str>| *text)
        .get("/status", |status: ServerStatus| Json(status.read()))
        .shared_state(state);
    let serving = Serving::start(router);
    assert_eq!(serving.client().get("/").text(), "state");
    assert_eq!(serving.client().get("/status").status, 200);
    assert!(seen.upgrade().is_some());
    serving.end().unwrap();
    super::support::until("the state is dropped", || seen.upgrade().is_none());
}

#[test]
fn the_status_can_be_read_after_the_end() {
    let serving = Serving::start(Router::new().get("/", || "served"));
    let handle = serving.handle.clone();
    assert_eq!(serving.client().get("/").text(), "served");
    serving.end().unwrap();
    let status = handle.status();
    assert_eq!((status.connections, status.cores[0].requests), (0, 1));
}

#[test]
fn each_server_of_a_process_has_states_and_counters_of_its_own() {
    let router =
        |name: &'static str| Router::new().get("/", |State(name): State<&'static str>| *name).state(name);
    let (one, two) = (Serving::start(router("one")), Serving::start(router("two")));
    assert_eq!((one.client().get("/").text(), two.client().get("/").text()), ("one", "two"));
    one.end().unwrap();
    assert_eq!(two.client().get("/").text(), "two");
    assert_eq!(two.status().cores[0].requests, 2);
    two.end().unwrap();
}

#[test]
fn a_placement_that_cannot_be_had_is_refused_before_it_listens() {
    let mut config = one_core();
    config.cores = Cores::Cpus(vec![usize::MAX]);
    let refused = Server::new(config).listen("127.0.0.1:0".parse().unwrap());
    assert!(matches!(refused, Err(corelay::Error::Cores { .. })));
}
