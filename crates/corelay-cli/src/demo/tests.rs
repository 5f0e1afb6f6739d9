//! The routes without a socket. That they do the same over one is tested in `tests/`.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use corelay::http::TestClient;

use super::{TRY, router};

fn client() -> TestClient {
    TestClient::new(router(false)).unwrap()
}

#[test]
fn plaintext_and_json_say_hello() {
    let plaintext = client().get("/plaintext").send();
    assert_eq!((plaintext.status().as_u16(), &*plaintext.text()), (200, "Hello, World!"));
    assert!(plaintext.header("content-type").unwrap().starts_with("text/plain"));
    let json = client().get("/json").send();
    assert_eq!(json.text(), r#"{"message":"Hello, World!"}"#);
    assert_eq!(json.header("content-type").unwrap(), "application/json");
}

#[test]
fn echo_gives_any_method_its_body_and_content_type_back() {
    let client = client();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
        let request =
            client.request(method.parse().unwrap(), "/echo").header("content-type", "text/x-tea; q=1");
        let answer = request.body("milk\0first").send();
        assert_eq!((answer.status().as_u16(), &*answer.text()), (200, "milk\0first"), "{method}");
        assert_eq!(answer.header("content-type").unwrap(), "text/x-tea; q=1", "{method}");
    }
    let untyped = client.post("/echo").body("x").send();
    assert_eq!(untyped.header("content-type").unwrap(), "application/octet-stream");
}

#[test]
fn headers_are_listed_in_their_order_and_spelling() {
    let answer =
        client().get("/headers").header("X-One", "1").header("x-TWO", "2, two").header("X-One", "3").send();
    assert!(answer.text().contains("X-One: 1\nx-TWO: 2, two\nX-One: 3\n"), "{}", answer.text());
}

#[test]
fn random_gives_as_many_numbers_as_asked_each_below_the_bound() {
    let numbers = |query: &str| client().get(&format!("/random{query}")).send().json::<Vec<u64>>().unwrap();
    for (query, count, bound) in [
        ("", 1, 100),
        ("?n=10000&max=1", 10_000, 1),
        ("?n=1000&max=6", 1000, 6),
        ("?max=4294967296&n=1000", 1000, 1 << 32),
    ] {
        let numbers = numbers(query);
        assert_eq!(numbers.len(), count, "{query}");
        assert!(numbers.iter().all(|number| *number < bound), "{query}");
    }
    let mut faces = numbers("?n=1000&max=6");
    faces.sort_unstable();
    faces.dedup();
    // A face missing from a thousand throws of a fair die: once in 10^78.
    assert_eq!(faces, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn random_refuses_what_is_out_of_range_with_a_text() {
    for query in ["n=0", "n=10001", "max=0", "max=4294967297", "n=-1", "n=ten", "n=", "n=1.5"] {
        let answer = client().get(&format!("/random?{query}")).send();
        assert_eq!(answer.status(), 400, "{query}");
        assert!(!answer.text().is_empty(), "{query}");
    }
    let answer = client().get("/random?n=10001").send();
    assert_eq!(answer.text(), "n must be from 1 to 10000, not 10001\n");
}

#[test]
fn sleep_and_spin_take_at_least_as_long_as_asked() {
    let start = std::time::Instant::now();
    assert_eq!(client().get("/sleep/20").send().text(), "slept 20 ms\n");
    assert!(start.elapsed().as_millis() >= 20);
    let start = std::time::Instant::now();
    assert_eq!(client().get("/spin/5000").send().text(), "spun 5000 us\n");
    assert!(start.elapsed().as_micros() >= 5000);
}

#[test]
fn sleep_and_spin_are_bounded() {
    for path in ["/sleep/60001", "/spin/10000001", "/sleep/-1", "/sleep/long", "/spin/1.5"] {
        assert_eq!(client().get(path).send().status(), 400, "{path}");
    }
}

#[test]
fn upload_counts_bytes() {
    for length in [0, 1, 65_536, 1_000_001] {
        let answer = client().post("/upload").body(vec![b'x'; length]).send();
        assert_eq!(answer.text(), length.to_string());
    }
}

#[test]
fn bytes_sends_exactly_as_many_as_asked() {
    for length in [0, 1, 65_536, 1_000_001] {
        let answer = client().get(&format!("/bytes/{length}")).send();
        assert_eq!(answer.bytes().len(), length);
        assert_eq!(answer.header("content-type").unwrap(), "application/octet-stream");
    }
    assert_eq!(client().get("/bytes/-1").send().status(), 400);
}

#[test]
fn the_page_tries_only_routes_that_are_there() {
    let page = client().get("/").send();
    let text = page.text();
    let paths: Vec<_> =
        text.split("data-path=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(paths.len() > 8, "{paths:?}");
    for path in paths.into_iter().chain(TRY.iter().map(|(path, _)| *path)) {
        let path = path.replace("&amp;", "&").replace("1000", "1");
        let answer = client().options(path.split('?').next().unwrap()).send();
        assert_ne!(answer.status(), 404, "{path}");
    }
    assert!(!text.contains("http://127.0.0.1:8080/") || text.contains("location.origin"));
    assert!(!text.contains("https://"), "self-contained: nothing is fetched from elsewhere");
}

#[test]
fn a_wrong_method_is_405_with_allow_and_an_unknown_path_404() {
    let answer = client().post("/plaintext").send();
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.header("allow").unwrap(), "GET, HEAD, OPTIONS");
    assert_eq!(client().get("/nowhere").send().status(), 404);
}
