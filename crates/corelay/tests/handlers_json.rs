//! `Json<T>` reads and writes JSON, and tells three kinds of bad bodies apart.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use corelay::Router;
use corelay::http::{Json, TestClient, endpoint};
use serde::{Deserialize, Serialize, Serializer};

#[derive(Deserialize, Serialize, PartialEq, Debug)]
struct Point {
    x: i32,
    y: i32,
}

fn client() -> TestClient {
    let mirror = |Json(point): Json<Point>| Json(Point { x: point.y, y: point.x });
    let router = Router::new().post("/", mirror).post("/short", endpoint(mirror).body_limit(12));
    TestClient::new(router).unwrap()
}

#[test]
fn a_value_goes_in_and_out() {
    let response = client().post("/").json(&Point { x: 1, y: -2 }).send();
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.json::<Point>().unwrap(), Point { x: -2, y: 1 });
}

#[test]
fn a_body_that_is_still_coming_in_is_read_to_its_end() {
    let response = client().post("/").json(&Point { x: 1, y: 2 }).streamed().send();
    assert_eq!(response.text(), r#"{"x":2,"y":1}"#);
}

#[test]
fn types_with_jsons_syntax_are_json() {
    let good = [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/problem+json",
        "application/vnd.api+json;v=1",
        "application/json ;x=y",
    ];
    for content_type in good {
        let response =
            client().post("/").header("Content-Type", content_type).body(r#"{"x":1,"y":2}"#).send();
        assert_eq!(response.status(), 200, "{content_type}");
    }
}

#[test]
fn other_types_are_415() {
    let bad = [
        "text/json",
        "application/jsonp",
        "application/xml",
        "json",
        "",
        "application/json+xml",
        "\u{e9}/json",
    ];
    for content_type in bad {
        let response =
            client().post("/").header("Content-Type", content_type).body(r#"{"x":1,"y":2}"#).send();
        assert_eq!(response.status(), 415, "{content_type}");
    }
    assert_eq!(client().post("/").body(r#"{"x":1,"y":2}"#).send().status(), 415, "no content type at all");
}

#[test]
fn what_is_not_json_is_400() {
    for body in ["", "{", "{\"x\":1,}", "nonsense", "{\"x\":1,\"y\":2} more"] {
        let response = client().post("/").header("Content-Type", "application/json").body(body).send();
        assert_eq!(response.status(), 400, "{body:?}");
        assert!(response.text().starts_with("JSON: "), "{}", response.text());
    }
}

#[test]
fn json_of_another_shape_is_422() {
    for body in ["{}", r#"{"x":1}"#, r#"{"x":"1","y":2}"#, "[]", "null", r#"{"x":3000000000,"y":0}"#] {
        let response = client().post("/").header("Content-Type", "application/json").body(body).send();
        assert_eq!(response.status(), 422, "{body:?}");
        assert!(response.text().starts_with("JSON: "), "{}", response.text());
    }
}

#[test]
fn a_body_over_the_routes_limit_is_413_however_it_comes() {
    let client = client();
    let long = client.post("/short").json(&Point { x: 1, y: 2 });
    assert_eq!(long.clone().send().status(), 413);
    assert_eq!(long.streamed().send().status(), 413);
    assert_eq!(client.post("/short").json(&[1, 2]).send().status(), 200);
}

#[test]
fn a_value_that_does_not_serialise_is_a_500() {
    struct Broken;
    impl Serialize for Broken {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("broken"))
        }
    }
    let response = TestClient::new(Router::new().get("/", || Json(Broken))).unwrap().get("/").send();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (500, "Internal Server Error"));
}
