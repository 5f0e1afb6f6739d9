//! A keep-alive request allocates nothing, on the whole way from bytes to bytes.

use super::Rig;
use crate::connection::Next;
use crate::http::{Json, Path, Router};
use allocation_counter::measure;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

#[derive(Deserialize, Serialize)]
struct Point {
    x: i32,
    y: i32,
}

fn router() -> Router {
    Router::new()
        .get("/plaintext", || "Hello, World!")
        .get("/json", || Json(Message { message: "Hello, World!" }))
        .get("/users/{id}", |Path(id): Path<u64>| Json(id))
        .post("/mirror", |Json(point): Json<Point>| Json(Point { x: point.y, y: point.x }))
        .post("/unread", || "not looked at")
        .get("/allocates", || String::from("Hello, World!"))
}

/// Allocations of a hundred turns of `input` each, once warm.
fn allocations(input: &str, answers: usize) -> u64 {
    const TURNS: usize = 100;
    let mut rig = Rig::new(router());
    let mut answer = vec![0; 64 * 1024];
    let mut length = 0;
    let mut turn = |rig: &mut Rig| {
        rig.peer.write_all(input.as_bytes()).unwrap();
        assert!(matches!(rig.serve(), Next::Read), "answered in one turn");
        length = rig.peer.read(&mut answer).unwrap();
    };
    for _ in 0..3 {
        turn(&mut rig);
    }
    let counted = measure(|| {
        for _ in 0..TURNS {
            turn(&mut rig);
        }
    });
    let last = std::str::from_utf8(&answer[..length]).unwrap();
    assert_eq!(last.matches("HTTP/1.1 ").count(), answers, "{last}");
    assert_eq!(rig.turn.tally.counters.requests.read(), ((TURNS + 3) * answers) as u64);
    counted.count_total
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: test\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")
}

fn post(target: &str, body: &str) -> String {
    let fields = format!("Host: test\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
    format!("POST {target} HTTP/1.1\r\n{fields}\r\n\r\n{body}")
}

#[test]
fn the_usual_requests_allocate_nothing() {
    for request in [
        get("/plaintext"),
        get("/json"),
        get("/users/7"),
        get("/nowhere"),
        get("/plaintext").replacen("GET", "HEAD", 1),
        post("/mirror", r#"{"x":1,"y":2}"#),
        post("/unread", "ten bytes."),
    ] {
        assert_eq!(allocations(&request, 1), 0, "{request}");
    }
}

#[test]
fn sixteen_at_once_allocate_nothing_either() {
    for request in [get("/plaintext"), get("/json"), post("/mirror", r#"{"x":1,"y":2}"#)] {
        assert_eq!(allocations(&request.repeat(16), 16), 0, "{request}");
    }
}

#[test]
fn the_count_sees_what_a_handler_allocates() {
    assert_eq!(allocations(&get("/allocates"), 1), 100);
}
