//! `State<T>` lends what the router was given, and a missing one is found before the first request.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use corelay::Router;
use corelay::http::{Json, Next, Path, Query, Request, Response, RouteError, State, TestClient};

struct Counter {
    count: AtomicU32,
}

impl Counter {
    fn next(&self) -> String {
        (self.count.fetch_add(1, Ordering::Relaxed) + 1).to_string()
    }
}

fn counter() -> Counter {
    Counter { count: AtomicU32::new(0) }
}

struct Name(&'static str);

#[test]
fn all_handlers_share_one() {
    let router = Router::new()
        .get("/a", |counter: State<Counter>| counter.next())
        .get("/b", |State(counter): State<Counter>| counter.next())
        .state(counter());
    let client = TestClient::new(router).unwrap();
    let answers = ["/a", "/b", "/a"].map(|path| client.get(path).send().text());
    assert_eq!(answers, ["1", "2", "3"]);
}

#[test]
fn states_are_told_apart_by_type() {
    let show = |name: State<Name>, number: State<u32>| format!("{} {}", name.0.0, *number);
    let client = TestClient::new(Router::new().get("/", show).state(7_u32).state(Name("seven"))).unwrap();
    assert_eq!(client.get("/").send().text(), "seven 7");
}

#[test]
fn the_program_may_keep_its_own_hold_on_one() {
    let shared = Arc::new(counter());
    let router = Router::new().get("/", |counter: State<Counter>| counter.next());
    let client = TestClient::new(router.shared_state(Arc::clone(&shared))).unwrap();
    client.get("/").send();
    assert_eq!(shared.count.load(Ordering::Relaxed), 1);
}

#[test]
fn middleware_and_handlers_of_the_request_see_them_too() {
    fn named(request: &mut Request<'_>, next: Next<'_>) -> Response {
        let name = request.state::<Name>().map_or("nobody", |name| name.0);
        next.run(request).header("x-name", name)
    }
    let count = |request: &mut Request<'_>| request.extract::<State<Counter>>().map(|counter| counter.next());
    let router = Router::new().get("/", count).layer(named).state(Name("ada")).state(counter());
    let response = TestClient::new(router).unwrap().get("/").send();
    assert_eq!((response.text().as_str(), response.header("x-name")), ("1", Some("ada")));
}

#[test]
fn a_missing_state_is_found_at_the_start_and_named() {
    let forgotten =
        Router::new().get("/fine", || "").post("/users/{id}", |_: Path<u8>, _: State<Counter>| "");
    let error = forgotten.finish().unwrap_err();
    let RouteError::MissingState { method, pattern, state } = &error else {
        panic!("{error:?}");
    };
    assert_eq!((method.as_str(), pattern.as_str()), ("POST", "/users/{id}"));
    assert!(state.ends_with("Counter"));
    assert!(error.to_string().contains("Router::state"), "{error}");
}

#[test]
fn a_state_is_missed_wherever_it_hides() {
    let routers = [
        Router::new().get("/", |_: Option<State<Counter>>| ""),
        Router::new().fallback(|_: State<Counter>| ""),
        Router::new().connect(|_: State<Counter>| ""),
        Router::new().nest("/in", Router::new().get("/", |_: State<Counter>| "")),
        Router::new().get("/", corelay::http::endpoint(|_: State<Counter>| "").blocking()),
        Router::new().post("/", |_: Query<Vec<(String, String)>>, _: Json<u8>, _: State<Counter>| ""),
    ];
    for router in routers {
        assert!(matches!(router.finish(), Err(RouteError::MissingState { .. })));
    }
}

#[test]
fn a_state_that_no_signature_told_of_is_a_500() {
    let extract =
        |request: &mut Request<'_>| request.extract::<State<Counter>>().map(|counter| counter.next());
    let client = TestClient::new(Router::new().get("/", extract)).unwrap();
    assert_eq!(client.get("/").send().status(), 500);
}

#[test]
fn two_states_of_a_type_are_a_mistake() {
    let error = Router::new().state(1_u8).merge(Router::new().state(2_u8)).finish().unwrap_err();
    assert_eq!(error, RouteError::DuplicateState { state: "u8" });
}
