//! Parsing, routing and calling a handler allocates nothing that the handler does not.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use allocation_counter::measure;
use corelay::Router;
use corelay::http::{Json, Next, Path, Request, Response, State, StatusCode, TestClient, TestRequest};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

#[derive(Deserialize, Serialize)]
struct Point {
    x: i32,
    y: i32,
}

fn client() -> TestClient {
    fn pass(request: &mut Request<'_>, next: Next<'_>) -> Response {
        next.run(request)
    }
    let router = Router::new()
        .get("/layered", || "Hello, World!")
        .layer(pass)
        .get("/plaintext", || "Hello, World!")
        .get("/bytes", || b"Hello, World!")
        .get("/json", || Json(Message { message: "Hello, World!" }))
        .post("/mirror", |Json(point): Json<Point>| Json(Point { x: point.y, y: point.x }))
        .get("/status", || StatusCode::OK)
        .get("/users/{id}/posts/{post}", |Path((_, post)): Path<(u64, u32)>| Json(post))
        .get("/state", |number: State<u64>| Json(*number))
        .get("/allocates", || String::from("Hello, World!"))
        .state(7_u64);
    TestClient::new(router).unwrap()
}

/// How many allocations a hundred calls make, once warm.
fn allocations(request: TestRequest<'_>, status: u16) -> u64 {
    let mut request = request.prepare();
    assert_eq!(request.call(), status, "the first call, which grows what is kept");
    let mut calls = 0;
    let counted = measure(|| {
        for _ in 0..100 {
            calls += u32::from(request.call() == status);
        }
    });
    assert_eq!(calls, 100);
    counted.count_total
}

#[test]
fn the_usual_answers_allocate_nothing() {
    let client = client();
    for path in ["/plaintext", "/layered", "/bytes", "/json", "/status", "/users/7/posts/8", "/state"] {
        assert_eq!(allocations(client.get(path), 200), 0, "{path}");
    }
    assert_eq!(allocations(client.post("/mirror").json(&Point { x: 1, y: 2 }), 200), 0, "JSON in and out");
    assert_eq!(allocations(client.head("/plaintext"), 200), 0, "HEAD");
    assert_eq!(allocations(client.get("/nowhere"), 404), 0, "404");
}

#[test]
fn the_count_sees_what_a_handler_allocates() {
    // Else the test above would pass with a counter that counts nothing. The text's buffer becomes the spare one.
    assert_eq!(allocations(client().get("/allocates"), 200), 100);
}
