//! What is wrong with a router is found when it is finished, and the message says what to do.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use corelay::Router;
use corelay::http::{Body, Json, Request, RouteError, TestClient, endpoint};

#[track_caller]
fn mistake(router: Router) -> RouteError {
    router.finish().expect_err("the router has a mistake")
}

#[test]
fn a_pattern_that_no_path_could_match() {
    for pattern in
        ["", "a", "*", "/a b", "/a?b", "/a#b", "/é", "/a\n", "/{", "/{a", "/}", "/{}", "/{*}", "/{*a}/b"]
    {
        let error = mistake(Router::new().get(pattern, || ""));
        let RouteError::BadPattern { pattern: named, reason } = &error else {
            panic!("{pattern:?}: {error:?}");
        };
        assert_eq!(named, pattern);
        assert!(!reason.is_empty());
    }
}

#[test]
fn a_route_that_was_added_twice() {
    let error = mistake(Router::new().get("/a", || "").post("/a", || "").get("/a", || ""));
    assert_eq!(error, RouteError::Duplicate { method: "GET".to_owned(), pattern: "/a".to_owned() });
    assert_eq!(error.to_string(), r#"route GET "/a" was added twice: remove one"#);
    let any = mistake(Router::new().any("/{x}", || "").any("/{x}", || ""));
    assert_eq!(any, RouteError::Duplicate { method: "any".to_owned(), pattern: "/{x}".to_owned() });
    let connect = mistake(Router::new().connect(|| "").merge(Router::new().connect(|| "")));
    assert!(matches!(connect, RouteError::Duplicate { .. }));
}

#[test]
fn two_spellings_of_one_pattern() {
    let error = mistake(Router::new().get("/users/{id}", || "").get("/users/{name}", || ""));
    assert!(
        matches!(&error, RouteError::Conflict { pattern, .. } if pattern == "/users/{name}"),
        "{error:?}"
    );
}

#[test]
fn a_prefix_that_is_none() {
    for prefix in ["", "/", "api", "/api/", "/{*rest}"] {
        let error = mistake(Router::new().nest(prefix, Router::new().get("/a", || "")));
        assert!(matches!(&error, RouteError::BadPattern { pattern, .. } if pattern == prefix), "{error:?}");
    }
}

#[test]
fn a_body_that_two_parameters_take() {
    let error = mistake(Router::new().post("/a", |_: Body, _: Option<Json<u8>>| ""));
    assert_eq!(error, RouteError::BodyTakenTwice { method: "POST".to_owned(), pattern: "/a".to_owned() });
    assert!(error.to_string().contains("takes the body twice"));
    let hidden = endpoint(|_: String, _: Vec<u8>| "").blocking();
    assert!(matches!(mistake(Router::new().fallback(hidden)), RouteError::BodyTakenTwice { .. }));
}

#[test]
fn the_first_of_several_is_reported() {
    let error = mistake(Router::new().get("bad", || "").nest("also bad", Router::new()));
    assert!(matches!(&error, RouteError::BadPattern { pattern, .. } if pattern == "also bad"), "{error:?}");
}

#[test]
fn a_router_without_mistakes_is_finished() {
    let inspect = |request: &mut Request<'_>| request.path().to_owned();
    let router = Router::new().any("/", inspect).get("/{a}", inspect).get("/{a}/{*b}", inspect);
    assert_eq!(TestClient::new(router).unwrap().get("/x/y/z").send().text(), "/x/y/z");
}
