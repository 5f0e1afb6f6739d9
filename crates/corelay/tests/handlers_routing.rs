//! A path finds its most literal pattern, or 404.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use corelay::Router;
use corelay::http::{MatchedPattern, StatusCode, TestClient};

/// A client for routes that answer with their own pattern.
fn client(patterns: &[&str]) -> TestClient {
    let router =
        patterns.iter().fold(Router::new(), |router, pattern| router.get(pattern, |p: MatchedPattern| p.0));
    TestClient::new(router).unwrap()
}

#[track_caller]
fn check(client: &TestClient, expected: &[(&str, Option<&str>)]) {
    for (path, pattern) in expected {
        let response = client.get(path).send();
        match pattern {
            Some(pattern) => {
                assert_eq!((response.status().as_u16(), response.text().as_str()), (200, *pattern), "{path}")
            }
            None => assert_eq!(
                (response.status().as_u16(), response.text().as_str()),
                (404, "Not Found"),
                "{path}"
            ),
        }
    }
}

#[test]
fn literal_paths_match_to_the_letter() {
    let client = client(&["/", "/a", "/a/b", "/b/", "/caf%C3%A9"]);
    check(
        &client,
        &[
            ("/", Some("/")),
            ("/a", Some("/a")),
            ("/a?x=/a/b", Some("/a")),
            ("/a/b", Some("/a/b")),
            ("/b/", Some("/b/")),
            ("/caf%C3%A9", Some("/caf%C3%A9")),
            ("http://localhost/a", Some("/a")),
            ("http://localhost", Some("/")),
            ("/a/", None),
            ("/b", None),
            ("/A", None),
            ("/%61", None),
            ("//", None),
            ("/a//b", None),
            ("/a/../a", None),
        ],
    );
}

#[test]
fn literal_text_wins_over_parameters_and_these_over_the_rest() {
    let client = client(&["/{*rest}", "/users/{id}", "/users/me", "/users/{id}/posts", "/files/{name}.txt"]);
    check(
        &client,
        &[
            ("/users/me", Some("/users/me")),
            ("/users/7", Some("/users/{id}")),
            ("/users/7/posts", Some("/users/{id}/posts")),
            ("/users/me/posts", Some("/users/{id}/posts")),
            ("/users/7/photos", Some("/{*rest}")),
            ("/users/", Some("/{*rest}")),
            ("/files/a.txt", Some("/files/{name}.txt")),
            ("/files/a.png", Some("/{*rest}")),
            ("/", None),
        ],
    );
}

#[test]
fn braces_are_doubled_to_stand_for_themselves() {
    check(&client(&["/{{x}}"]), &[("/{x}", Some("/{{x}}")), ("/x", None)]);
}

#[test]
fn a_fallback_answers_any_method_on_what_matches_nothing() {
    let router = Router::new().get("/a", || "a").fallback(|| (StatusCode::NOT_FOUND, "nothing here"));
    let client = TestClient::new(router).unwrap();
    for response in
        [client.get("/b").send(), client.post("/a/").body("x").send(), client.options("/b").send()]
    {
        assert_eq!((response.status().as_u16(), response.text().as_str()), (404, "nothing here"));
    }
    assert_eq!(client.get("/a").send().text(), "a");
}

#[test]
fn an_empty_router_answers_404() {
    check(&client(&[]), &[("/", None), ("/x/y", None)]);
}
