//! Routers are merged and nested, with their middleware, states and fallbacks.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use corelay::Router;
use corelay::http::{Next, Path, Request, Response, RouteError, State, StatusCode, TestClient};

fn mark(request: &mut Request<'_>, next: Next<'_>) -> Response {
    next.run(request).header("x-marked", "yes")
}

#[test]
fn a_nested_router_answers_below_its_prefix() {
    let inner =
        Router::new().get("/", || "root").get("/a", |request: &mut Request<'_>| request.path().to_owned());
    let client = TestClient::new(Router::new().nest("/in", inner).get("/a", || "outer")).unwrap();
    assert_eq!(client.get("/in").send().text(), "root");
    assert_eq!(client.get("/in/a").send().text(), "/in/a", "handlers see the whole path");
    assert_eq!(client.get("/a").send().text(), "outer");
    assert_eq!(client.get("/in/").send().status(), 404);
}

#[test]
fn parameters_of_the_prefix_come_first() {
    let inner = Router::new().get("/c/{d}", |Path((a, b, d)): Path<(u8, u8, u8)>| format!("{a} {b} {d}"));
    let router = Router::new().nest("/{a}", Router::new().nest("/b/{b}", inner));
    assert_eq!(TestClient::new(router).unwrap().get("/1/b/2/c/3").send().text(), "1 2 3");
}

#[test]
fn middleware_stays_with_the_router_it_was_given_to() {
    let inner = Router::new().get("/in", || "").layer(mark);
    let client = TestClient::new(Router::new().get("/out", || "").merge(inner)).unwrap();
    assert_eq!(client.get("/in").send().header("x-marked"), Some("yes"));
    assert_eq!(client.get("/out").send().header("x-marked"), None);
    assert_eq!(client.get("/none").send().header("x-marked"), None);
}

#[test]
fn states_are_joined() {
    let inner =
        Router::new().get("/sum", |a: State<u8>, b: State<u16>| (u16::from(*a) + *b).to_string()).state(1_u8);
    let client = TestClient::new(Router::new().nest("/in", inner).state(2_u16)).unwrap();
    assert_eq!(client.get("/in/sum").send().text(), "3");
}

#[test]
fn a_nested_fallback_answers_below_its_prefix_only() {
    let inner = Router::new().get("/a", || "a").fallback(|| (StatusCode::NOT_FOUND, "inner")).layer(mark);
    let client = TestClient::new(Router::new().nest("/in", inner).fallback(|| "outer")).unwrap();
    for path in ["/in", "/in/", "/in/b", "/in/b/c"] {
        let response = client.get(path).send();
        assert_eq!((response.text().as_str(), response.header("x-marked")), ("inner", Some("yes")), "{path}");
    }
    assert_eq!(client.get("/in/a").send().text(), "a");
    assert_eq!(client.post("/in/a").send().status(), 405);
    assert_eq!(client.get("/inside").send().text(), "outer");
}

#[test]
fn a_nested_fallback_gives_way_to_a_catch_all() {
    let inner = Router::new().get("/{*all}", |Path(all): Path<String>| all).fallback(|| "fallback");
    let client = TestClient::new(Router::new().nest("/in", inner)).unwrap();
    assert_eq!(client.get("/in/x/y").send().text(), "x/y");
    assert_eq!(client.get("/in").send().text(), "fallback");
}

#[test]
fn a_merged_fallback_is_taken_over() {
    let inner = Router::new().fallback(|| "inner").layer(mark);
    let client = TestClient::new(Router::new().merge(inner)).unwrap();
    let response = client.get("/x").send();
    assert_eq!((response.text().as_str(), response.header("x-marked")), ("inner", Some("yes")));
    let both = Router::new().fallback(|| "a").merge(Router::new().fallback(|| "b"));
    assert_eq!(both.finish().unwrap_err(), RouteError::TwoFallbacks);
}
