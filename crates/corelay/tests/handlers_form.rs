//! `Form<T>` reads HTML forms from bodies and queries, and writes them.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use corelay::Router;
use corelay::http::{Form, TestClient};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct Order {
    name: String,
    count: u8,
}

fn client() -> TestClient {
    let show = |Form(order): Form<Order>| format!("{} of {}", order.count, order.name);
    let write = || Form(Order { name: "a & b".to_owned(), count: 2 });
    TestClient::new(Router::new().get("/", show).post("/", show).get("/write", write)).unwrap()
}

#[test]
fn a_post_is_read_from_its_body() {
    let response = client().post("/?name=ignored").form(&[("name", "green tea"), ("count", "3")]).send();
    assert_eq!(response.text(), "3 of green tea");
}

#[test]
fn a_get_is_read_from_its_query() {
    assert_eq!(client().get("/?name=green+tea&count=3").send().text(), "3 of green tea");
    assert_eq!(client().get("/?name=tea").send().status(), 400);
}

#[test]
fn another_content_type_is_415() {
    assert_eq!(client().post("/").body("name=tea&count=3").send().status(), 415);
    let plain = client().post("/").header("Content-Type", "text/plain").body("name=tea&count=3").send();
    assert_eq!(plain.status(), 415);
}

#[test]
fn a_form_that_does_not_fit_is_422() {
    for form in [&[("name", "tea")][..], &[("name", "tea"), ("count", "256")]] {
        let response = client().post("/").form(form).send();
        assert_eq!(response.status(), 422);
        assert!(response.text().starts_with("form: "), "{}", response.text());
    }
}

#[test]
fn a_response_is_encoded_and_says_so() {
    let response = client().get("/write").send();
    assert_eq!(response.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(response.text(), "name=a+%26+b&count=2");
}
