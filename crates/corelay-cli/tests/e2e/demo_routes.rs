//! The demo's routes answer as they are described.

use crate::on_every_engine;
use crate::support::{Engine, Response, Server};

on_every_engine!(
    the_front_page_says_what_to_try,
    plaintext_is_hello_world,
    json_is_serialised,
    echo_returns_the_body_with_its_content_type_for_any_method,
    echo_returns_a_chunked_body,
    headers_lists_the_request_fields,
    random_gives_numbers_in_range,
    random_refuses_values_out_of_range,
    sleep_answers_after_it_slept,
    spin_answers_after_it_burnt_cpu,
    bytes_are_exactly_as_many_as_asked,
    status_is_json,
    an_unknown_path_is_404,
);

fn get(engine: Engine, target: &str) -> Response {
    Server::start(engine, &[]).connect().get(target)
}

fn the_front_page_says_what_to_try(engine: Engine) {
    let page = get(engine, "/");
    assert_eq!(page.status, 200);
    assert!(
        page.field("content-type").is_some_and(|value| value.starts_with("text/html")),
        "{:?}",
        page.fields
    );
    for route in [
        "/plaintext",
        "/json",
        "/echo",
        "/headers",
        "/random",
        "/sleep",
        "/spin",
        "/upload",
        "/bytes",
        "/status",
    ] {
        assert!(page.text().contains(route), "{route} is not on the front page");
    }
}

fn plaintext_is_hello_world(engine: Engine) {
    let response = get(engine, "/plaintext");
    assert_eq!((response.status, response.text()), (200, "Hello, World!"));
    assert!(response.field("content-type").is_some_and(|value| value.starts_with("text/plain")));
    assert_eq!(response.field("content-length"), Some("13"));
    assert!(response.field("date").is_some(), "an origin server with a clock sends Date (RFC 9110 6.6.1)");
}

fn json_is_serialised(engine: Engine) {
    let response = get(engine, "/json");
    assert_eq!((response.status, response.text()), (200, r#"{"message":"Hello, World!"}"#));
    assert_eq!(response.field("content-type"), Some("application/json"));
}

fn echo_returns_the_body_with_its_content_type_for_any_method(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"] {
        client.send(format!("{method} /echo HTTP/1.1\r\nHost: test\r\nContent-Type: x/y\r\nContent-Length: 4\r\n\r\n\0\r\n\u{7f}"));
        let response = client.response_to(method);
        assert_eq!((response.status, response.body.as_slice()), (200, b"\0\r\n\x7f".as_slice()), "{method}");
        assert_eq!(response.field("content-type"), Some("x/y"), "{method}");
    }
}

fn echo_returns_a_chunked_body(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n5;x=y\r\npedia\r\n0\r\nTrailer: dropped\r\n\r\n");
    let response = client.response();
    assert_eq!((response.status, response.text()), (200, "Wikipedia"));
    assert_eq!(client.get("/plaintext").status, 200, "the trailer section was read to its end");
}

fn headers_lists_the_request_fields(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send("GET /headers HTTP/1.1\r\nHost: test\r\nX-Twice: one\r\nAccept:*/*\r\nX-Twice:  two \t\r\nX-Empty:\r\n\r\n");
    let response = client.response();
    assert_eq!(response.status, 200);
    let lines: Vec<String> = response.text().lines().map(str::to_ascii_lowercase).collect();
    for line in ["host: test", "x-twice: one", "accept: */*", "x-twice: two"] {
        assert!(lines.iter().any(|found| found == line), "{line:?} is not in {lines:?}");
    }
    assert!(
        lines.iter().any(|found| found.trim_end() == "x-empty:"),
        "the empty value is listed too: {lines:?}"
    );
}

fn random_gives_numbers_in_range(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    for (query, count, max) in [
        ("", 1, 100),
        ("?n=1", 1, 100),
        ("?n=10000&max=1", 10_000, 1),
        ("?max=7&n=500", 500, 7),
        ("?n=3&max=4294967296", 3, 4_294_967_296),
    ] {
        let response = client.get(&format!("/random{query}"));
        assert_eq!(response.status, 200, "{query}");
        assert_eq!(response.field("content-type"), Some("application/json"));
        let numbers: Vec<u64> = serde_json::from_slice(&response.body).expect("a JSON array of integers");
        assert_eq!(numbers.len(), count, "{query}");
        assert!(numbers.iter().all(|number| *number < max), "{query}: {numbers:?}");
    }
    let drawn = client.get("/random?n=100&max=4294967296");
    assert_ne!(drawn.body, client.get("/random?n=100&max=4294967296").body, "two draws are two draws");
}

fn random_refuses_values_out_of_range(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    for query in [
        "n=0",
        "n=10001",
        "n=-1",
        "n=",
        "n=x",
        "max=0",
        "max=4294967297",
        "max=1.5",
        "n=99999999999999999999999",
    ] {
        let response = client.get(&format!("/random?{query}"));
        assert_eq!(response.status, 400, "{query}: {}", response.text());
        assert!(!response.closes(), "{query}: a refusal by the application keeps the connection");
    }
}

fn sleep_answers_after_it_slept(engine: Engine) {
    let server = Server::start(engine, &[]);
    let begun = std::time::Instant::now();
    assert_eq!(server.connect().get("/sleep/20").status, 200);
    assert!(begun.elapsed() >= std::time::Duration::from_millis(20), "a sleep is never shorter than asked");
    assert_eq!(server.connect().get("/sleep/x").status, 400);
}

fn spin_answers_after_it_burnt_cpu(engine: Engine) {
    let server = Server::start(engine, &[]);
    let before = server.process().cpu_ticks();
    assert_eq!(server.connect().get("/spin/200000").status, 200);
    let burnt = server.process().cpu_ticks() - before;
    assert!(burnt >= 19, "200 ms are 20 ticks of 10 ms, give one for rounding; burnt {burnt}");
}

fn bytes_are_exactly_as_many_as_asked(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    for count in [0, 1, 65_535, 65_536, 1_000_001] {
        let response = client.get(&format!("/bytes/{count}"));
        assert_eq!((response.status, response.body.len()), (200, count));
    }
    assert_eq!(client.get("/bytes/-1").status, 400);
    assert_eq!(client.get("/bytes/ten").status, 400);
}

fn status_is_json(engine: Engine) {
    let response = get(engine, "/status");
    assert_eq!(response.status, 200);
    assert_eq!(response.field("content-type"), Some("application/json"));
    let status: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
    let cores = status["cores"].as_array().expect("one entry a core");
    assert_eq!(cores.len(), 2);
}

fn an_unknown_path_is_404(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    for target in ["/nothing", "/plaintext/", "/json/x", "/sleep", "/sleep/", "//", "/..%2f"] {
        assert_eq!(client.get(target).status, 404, "{target}");
    }
}
