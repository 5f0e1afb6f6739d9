//! Methods: the route's own, and what routing answers where there is none.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use corelay::Router;
use corelay::http::{Method, Response, StatusCode, TestClient, TestResponse};

fn purge() -> Method {
    Method::from_bytes(b"PURGE").unwrap()
}

fn send(router: Router, method: Method, target: &str) -> TestResponse {
    TestClient::new(router).unwrap().request(method, target).send()
}

#[test]
fn each_method_has_its_own_handler() {
    let router = || {
        Router::new()
            .get("/", || "get")
            .post("/", || "post")
            .put("/", || "put")
            .patch("/", || "patch")
            .delete("/", || "delete")
            .options("/", || "options")
            .route(Method::TRACE, "/", || "trace")
            .route(purge(), "/", || "purge")
    };
    for name in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"] {
        let method = Method::from_bytes(name.as_bytes()).unwrap();
        assert_eq!(send(router(), method, "/").text(), name.to_lowercase());
    }
}

#[test]
fn another_method_is_405_with_what_is_allowed() {
    let router = || Router::new().get("/a", || "").post("/a", || "").route(purge(), "/{x}", || "");
    for method in [Method::PUT, Method::TRACE, purge()] {
        let response = send(router(), method.clone(), "/a");
        assert_eq!(
            (response.status().as_u16(), response.text().as_str()),
            (405, "Method Not Allowed"),
            "{method}"
        );
        assert_eq!(response.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
    }
    let response = send(router(), Method::GET, "/other");
    assert_eq!((response.status().as_u16(), response.header("allow")), (405, Some("PURGE, OPTIONS")));
}

#[test]
fn a_method_that_no_route_has_is_501() {
    let router = || Router::new().get("/a", || "").route(purge(), "/b", || "");
    for name in ["get", "BREW", "PURGED"] {
        let method = Method::from_bytes(name.as_bytes()).unwrap();
        let response = send(router(), method, "/a");
        assert_eq!((response.status().as_u16(), response.header("allow")), (501, None), "{name}");
    }
    assert_eq!(send(router(), Method::PATCH, "/a").status(), 405, "what HTTP defines is known");
    assert_eq!(send(router(), purge(), "/a").status(), 405, "so is what another path has");
}

#[test]
fn head_is_answered_by_get_without_the_body() {
    let response = send(Router::new().get("/", || ([("x-mark", "1")], "text")), Method::HEAD, "/");
    assert_eq!(
        (response.status().as_u16(), response.bytes(), response.header("x-mark")),
        (200, &b""[..], Some("1"))
    );
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
}

#[test]
fn a_head_of_ones_own_comes_first() {
    let router = Router::new().get("/", || "get").head("/", || StatusCode::ACCEPTED);
    assert_eq!(send(router, Method::HEAD, "/").status(), 202);
    let only_head = Router::new().head("/", || "");
    let refused = send(only_head, Method::GET, "/");
    assert_eq!((refused.status().as_u16(), refused.header("allow")), (405, Some("HEAD, OPTIONS")));
}

#[test]
fn options_is_answered_with_204_and_what_is_allowed() {
    let response = send(Router::new().get("/", || "").delete("/", || ""), Method::OPTIONS, "/");
    assert_eq!((response.status().as_u16(), response.bytes()), (204, &b""[..]));
    assert_eq!(response.header("allow"), Some("GET, HEAD, DELETE, OPTIONS"));
    assert_eq!(response.header("content-type"), None);
}

#[test]
fn options_of_the_whole_server_is_204() {
    assert_eq!(send(Router::new(), Method::OPTIONS, "*").status(), 204);
}

#[test]
fn any_answers_all_methods_that_have_no_route_of_their_own() {
    let router = || Router::new().any("/", |method: Method| method.to_string()).get("/", || "get");
    assert_eq!(send(router(), Method::GET, "/").text(), "get");
    for method in [Method::POST, Method::OPTIONS, Method::TRACE, purge()] {
        assert_eq!(send(router(), method.clone(), "/").text(), method.as_str());
    }
    let only_any =
        Router::new().any("/", |method: Method| Response::new(()).header("x-method", method.as_str()));
    assert_eq!(send(only_any, Method::HEAD, "/").header("x-method"), Some("HEAD"));
}

#[test]
fn connect_is_501_unless_there_is_a_handler_for_it() {
    assert_eq!(send(Router::new().any("/{*all}", || ""), Method::CONNECT, "example.com:443").status(), 501);
    let refuse = || (StatusCode::FORBIDDEN, "not through here");
    let response = send(Router::new().connect(refuse), Method::CONNECT, "example.com:443");
    assert_eq!((response.status().as_u16(), response.text().as_str()), (403, "not through here"));
}
