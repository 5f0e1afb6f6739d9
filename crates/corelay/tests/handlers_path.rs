//! `Path<T>` makes values of path parameters, and says which one does not fit.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use std::collections::BTreeMap;

use corelay::Router;
use corelay::http::{Path, TestClient, TestResponse};
use serde::Deserialize;

fn get(router: Router, target: &str) -> TestResponse {
    TestClient::new(router).unwrap().get(target).send()
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Green,
}

#[derive(Deserialize)]
struct Version {
    major: u8,
    minor: u8,
}

#[derive(Deserialize)]
struct Id(u64);

#[test]
fn one_parameter_is_a_value_of_its_own() {
    let text = |Path(text): Path<String>| text;
    assert_eq!(get(Router::new().get("/{x}", text), "/abc").text(), "abc");
    let newtype = |Path(id): Path<Id>| id.0.to_string();
    assert_eq!(
        get(Router::new().get("/{x}", newtype), "/18446744073709551615").text(),
        "18446744073709551615"
    );
    let tuple = |Path((n,)): Path<(i8,)>| n.to_string();
    assert_eq!(get(Router::new().get("/{x}", tuple), "/-128").text(), "-128");
    let optional = |Path(n): Path<Option<u8>>| format!("{n:?}");
    assert_eq!(get(Router::new().get("/{x}", optional), "/7").text(), "Some(7)");
    let scalars = |Path((b, c, f)): Path<(bool, char, f64)>| format!("{b} {c} {f}");
    assert_eq!(get(Router::new().get("/{b}/{c}/{f}", scalars), "/true/%C3%A9/1.5").text(), "true é 1.5");
}

#[test]
fn an_enum_is_one_of_its_names() {
    let router = || {
        Router::new().get("/{colour}", |Path(colour): Path<Colour>| match colour {
            Colour::Red => "red",
            Colour::Green => "green",
        })
    };
    assert_eq!(get(router(), "/green").text(), "green");
    let refused = get(router(), "/blue");
    assert_eq!(refused.status(), 400);
    assert!(refused.text().contains("expected `red` or `green`"), "{}", refused.text());
}

#[test]
fn several_parameters_are_a_struct_a_tuple_a_map_or_a_list() {
    let by_name = |Path(version): Path<Version>| format!("{}.{}", version.major, version.minor);
    assert_eq!(get(Router::new().get("/{minor}/{major}", by_name), "/1/2").text(), "2.1");
    let by_place = |Path((a, b, c)): Path<(String, u8, String)>| format!("{a} {b} {c}");
    assert_eq!(get(Router::new().get("/{a}/{b}/{c}", by_place), "/x/2/z").text(), "x 2 z");
    let map = |Path(map): Path<BTreeMap<String, String>>| format!("{map:?}");
    assert_eq!(
        get(Router::new().get("/{a}/{b}/{c}", map), "/1/2/3").text(),
        r#"{"a": "1", "b": "2", "c": "3"}"#
    );
    let list = |Path(list): Path<Vec<u8>>| format!("{list:?}");
    assert_eq!(get(Router::new().get("/{a}/{b}/{c}/{d}", list), "/1/2/3/4").text(), "[1, 2, 3, 4]");
}

#[test]
fn values_are_percent_decoded_after_the_match() {
    let router = || Router::new().get("/{a}/{b}", |Path((a, b)): Path<(String, String)>| format!("{a}|{b}"));
    assert_eq!(get(router(), "/one%2Ftwo/%E2%82%AC%20+").text(), "one/two|€ +");
    let refused = get(router(), "/x/%FF");
    assert_eq!(
        (refused.status().as_u16(), refused.text().as_str()),
        (400, "path parameter `b`: expected UTF-8")
    );
}

#[test]
fn what_does_not_parse_is_refused_by_name_and_not_repeated() {
    let router = || Router::new().get("/{id}/{n}", |Path((_, n)): Path<(String, u8)>| n.to_string());
    for target in ["/x/256", "/x/-1", "/x/seven", "/x/1%0D%0AX-Evil:%201"] {
        let refused = get(router(), target);
        assert_eq!(
            (refused.status().as_u16(), refused.text().as_str()),
            (400, "path parameter `n`: expected u8")
        );
    }
}

#[test]
fn a_type_that_does_not_fit_the_pattern_is_the_programs_mistake() {
    let two_of_one = Router::new().get("/{a}", |Path((a, b)): Path<(String, String)>| a + &b);
    assert_eq!(get(two_of_one, "/x").status(), 500);
    let one_of_two = Router::new().get("/{a}/{b}", |Path(a): Path<String>| a);
    assert_eq!(get(one_of_two, "/x/y").status(), 500);
    let other_names =
        Router::new().get("/{a}/{b}", |Path(v): Path<Version>| format!("{}{}", v.major, v.minor));
    assert_eq!(get(other_names, "/1/2").status(), 500);
}
