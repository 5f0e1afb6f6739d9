//! `Query<T>` makes a value of the query.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use std::collections::BTreeMap;

use corelay::Router;
use corelay::http::{Query, TestClient};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Page {
    number: u32,
    #[serde(default)]
    tag: Vec<String>,
    order: Option<String>,
}

fn client() -> TestClient {
    let router = Router::new()
        .get("/page", |Query(page): Query<Page>| format!("{} {:?} {:?}", page.number, page.tag, page.order))
        .get("/map", |Query(map): Query<BTreeMap<String, String>>| format!("{map:?}"))
        .get("/pairs", |Query(pairs): Query<Vec<(String, String)>>| format!("{pairs:?}"));
    TestClient::new(router).unwrap()
}

#[test]
fn fields_are_found_by_name_and_decoded() {
    let response = client().get("/page?order=a%26b+c&number=3&unknown=x").send();
    assert_eq!(response.text(), r#"3 [] Some("a&b c")"#);
}

#[test]
fn a_repeated_key_fills_a_list() {
    assert_eq!(client().get("/page?tag=x&number=1&tag=y").send().text(), r#"1 ["x", "y"] None"#);
    assert_eq!(client().get("/pairs?a=1&a=2").send().text(), r#"[("a", "1"), ("a", "2")]"#);
}

#[test]
fn no_query_is_an_empty_one() {
    assert_eq!(client().get("/map").send().text(), "{}");
    assert_eq!(client().get("/map?").send().text(), "{}");
}

#[test]
fn what_does_not_fit_is_refused_with_a_reason() {
    let missing = client().get("/page?tag=x").send();
    assert_eq!((missing.status().as_u16(), missing.text().as_str()), (400, "query: missing field `number`"));
    let not_a_number = client().get("/page?number=ten").send();
    assert_eq!(not_a_number.status(), 400);
    assert!(not_a_number.text().starts_with("query: "), "{}", not_a_number.text());
}
