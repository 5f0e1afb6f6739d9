//! The test client parses what it sends, so that a test sees refusals as a peer does.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use corelay::Router;
use corelay::http::{Method, TestClient};

fn client() -> TestClient {
    TestClient::new(Router::new().any("/{*path}", |body: Vec<u8>| body)).unwrap()
}

#[test]
fn a_head_that_the_parser_refuses_never_reaches_a_handler() {
    let client = client();
    let refusals = [
        (client.get("no-slash"), 400),
        (client.get("/a b"), 400),
        (client.get("/x").header("Bad Name", "x"), 400),
        (client.get("/x").header("X-A", "x\ny"), 400),
        (client.get("/x").header("Host", "a").header("Host", "b"), 400),
        (client.get("/x").header("Expect", "a-miracle"), 417),
        (client.get(&format!("/{}", "x".repeat(9000))), 414),
        (client.get("/x").header("X-A", "x".repeat(20_000)), 431),
        (client.post("/x").header("Transfer-Encoding", "gzip, chunked"), 501),
        (client.post("/x").header("Transfer-Encoding", "chunked").header("Content-Length", "1"), 400),
    ];
    for (index, (request, status)) in refusals.into_iter().enumerate() {
        assert_eq!(request.send().status(), status, "case {index}");
    }
}

#[test]
fn a_body_that_is_badly_framed_or_cut_off_is_refused() {
    let client = client();
    let chunked =
        |body: &str| client.post("/x").header("Transfer-Encoding", "chunked").body(body).send().status();
    assert_eq!(chunked("2\r\nab\r\n0\r\n\r\n"), 200);
    assert_eq!(chunked("x\r\n"), 400);
    assert_eq!(chunked("2\r\nab\r\n"), 408);
    let length = |length: &str| client.post("/x").header("Content-Length", length).body("abc").send();
    assert_eq!(length("3").text(), "abc");
    assert_eq!(length("2").text(), "ab", "what follows is the next request");
    assert_eq!(length("4").status(), 408);
    assert_eq!(length("+3").status(), 400);
}

#[test]
fn an_unusual_method_is_the_handlers_business() {
    let method = Method::from_bytes(b"PROPFIND").unwrap();
    assert_eq!(client().request(method, "/x").body("depth").send().text(), "depth");
}
