//! Middleware is around what was added before it, the last one outermost, and may answer by itself.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use corelay::Router;
use corelay::http::{Method, Middleware, Next, Path, Request, Response, StatusCode, TestClient};

/// Appends a letter to a field on the way out, and to an extension on the way in.
fn letter(letter: char) -> impl Middleware {
    move |request: &mut Request<'_>, next: Next<'_>| {
        request.extensions_mut().get_or_insert_default::<String>().push(letter);
        next.run(request).append_header("x-way-out", letter.to_string())
    }
}

fn way_in(request: &mut Request<'_>) -> String {
    request.extensions().and_then(|extensions| extensions.get::<String>()).cloned().unwrap_or_default()
}

fn way_out(headers: &corelay::http::HeaderMap) -> String {
    headers.get_all("x-way-out").iter().map(|value| value.to_str().unwrap()).collect()
}

#[test]
fn the_last_one_added_is_the_first_in_and_the_last_out() {
    let router = Router::new().get("/", way_in).layer(letter('a')).layer(letter('b')).layer(letter('c'));
    let response = TestClient::new(router).unwrap().get("/").send();
    assert_eq!((response.text().as_str(), way_out(response.headers()).as_str()), ("cba", "abc"));
}

#[test]
fn it_is_around_routes_that_were_added_before_it() {
    let router = Router::new()
        .get("/0", way_in)
        .layer(letter('a'))
        .get("/1", way_in)
        .layer(letter('b'))
        .get("/2", way_in);
    let client = TestClient::new(router).unwrap();
    let answers = ["/0", "/1", "/2"].map(|path| client.get(path).send().text());
    assert_eq!(answers, ["ba", "b", ""]);
}

#[test]
fn it_sees_what_routing_answers_too() {
    let router = Router::new().get("/a", || "").layer(letter('x'));
    let client = TestClient::new(router).unwrap();
    for (response, status) in [
        (client.get("/none").send(), 404),
        (client.post("/a").send(), 405),
        (client.options("/a").send(), 204),
        (client.head("/a").send(), 200),
    ] {
        assert_eq!((response.status().as_u16(), way_out(response.headers()).as_str()), (status, "x"));
    }
}

#[test]
fn it_is_around_a_handler_of_connect_too() {
    let client = TestClient::new(Router::new().connect(way_in).layer(letter('x'))).unwrap();
    assert_eq!(client.request(Method::CONNECT, "a.example:1").send().text(), "x");
}

#[test]
fn a_fallback_is_a_route_like_any_other() {
    let before = Router::new().fallback(way_in).layer(letter('a'));
    assert_eq!(TestClient::new(before).unwrap().get("/").send().text(), "a");
    let after = Router::new().layer(letter('a')).fallback(way_in);
    assert_eq!(TestClient::new(after).unwrap().get("/").send().text(), "");
}

#[test]
fn one_that_answers_by_itself_keeps_the_handler_from_running() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let handler = move || counted.fetch_add(1, Ordering::Relaxed).to_string();
    let guard = |request: &mut Request<'_>, next: Next<'_>| match request.field("authorization") {
        Some(_) => Ok(next.run(request)),
        None => Err((StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic")], "who are you?")),
    };
    let client = TestClient::new(Router::new().get("/", handler).layer(guard).layer(letter('o'))).unwrap();
    let refused = client.get("/").send();
    assert_eq!((refused.status().as_u16(), refused.header("www-authenticate")), (401, Some("Basic")));
    assert_eq!(way_out(refused.headers()), "o", "what is further out still sees the answer");
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    assert_eq!(client.get("/").header("Authorization", "Basic eDp5").send().text(), "0");
}

#[test]
fn it_sees_the_refusals_of_extractors() {
    fn plain(request: &mut Request<'_>, next: Next<'_>) -> Response {
        let response = next.run(request);
        if response.status_code() == StatusCode::BAD_REQUEST { Response::new("replaced") } else { response }
    }
    let router = Router::new().get("/{n}", |Path(n): Path<u8>| n.to_string()).layer(plain);
    let client = TestClient::new(router).unwrap();
    assert_eq!(client.get("/x").send().text(), "replaced");
    assert_eq!(client.get("/1").send().text(), "1");
}

#[test]
fn it_knows_the_route_and_its_parameters() {
    fn note(request: &mut Request<'_>, next: Next<'_>) -> Response {
        let note = format!("{} {:?}", request.pattern(), request.params().value("id"));
        next.run(request).header("x-note", note)
    }
    let router = Router::new().get("/users/{id}", || "").layer(note);
    let response = TestClient::new(router).unwrap().get("/users/%41").send();
    assert_eq!(response.header("x-note"), Some(r#"/users/{id} Some("A")"#));
}
