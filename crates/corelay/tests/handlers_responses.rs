//! What handlers return becomes a status, header fields and a body.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use std::borrow::Cow;
use std::error::Error;
use std::io;

use bytes::Bytes;
use corelay::Router;
use corelay::http::{
    HeaderMap, HeaderValue, Html, IntoResponse, Redirect, Response, StatusCode, TestClient, TestResponse,
};

/// The response to a request whose handler returns what `make` makes.
fn answer<R: IntoResponse + 'static>(make: impl Fn() -> R + Send + Sync + 'static) -> TestResponse {
    TestClient::new(Router::new().get("/", make)).unwrap().get("/").send()
}

const TEXT: Option<&str> = Some("text/plain; charset=utf-8");
const OCTETS: Option<&str> = Some("application/octet-stream");

#[test]
fn text_and_bytes_say_what_they_are() {
    for response in [
        answer(|| "body"),
        answer(|| String::from("body")),
        answer(|| Cow::Borrowed("body")),
        answer(|| Cow::<'static, str>::Owned("body".to_owned())),
    ] {
        assert_eq!(
            (response.status().as_u16(), response.bytes(), response.header("content-type")),
            (200, &b"body"[..], TEXT)
        );
    }
    for response in [
        answer(|| &b"body"[..]),
        answer(|| b"body"),
        answer(|| b"body".to_vec()),
        answer(|| Bytes::from_static(b"body")),
    ] {
        assert_eq!(
            (response.status().as_u16(), response.bytes(), response.header("content-type")),
            (200, &b"body"[..], OCTETS)
        );
    }
}

#[test]
fn nothing_is_an_empty_200() {
    let response = answer(|| ());
    assert_eq!((response.status().as_u16(), response.bytes(), response.headers().len()), (200, &b""[..], 0));
}

#[test]
fn a_status_has_its_name_as_text_where_a_body_may_be() {
    let response = answer(|| StatusCode::IM_A_TEAPOT);
    assert_eq!(
        (response.status().as_u16(), response.text().as_str(), response.header("content-type")),
        (418, "I'm a teapot", TEXT)
    );
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED, StatusCode::RESET_CONTENT] {
        let response = answer(move || status);
        assert_eq!((response.status(), response.bytes(), response.headers().len()), (status, &b""[..], 0));
    }
    let nameless = answer(|| StatusCode::from_u16(599).unwrap());
    assert_eq!((nameless.status().as_u16(), nameless.bytes()), (599, &b""[..]));
}

#[test]
fn tuples_put_a_status_and_fields_in_front() {
    let status = answer(|| (StatusCode::CREATED, "made"));
    assert_eq!((status.status().as_u16(), status.text().as_str()), (201, "made"));
    let fields = answer(|| ([("x-a", "1"), ("content-type", "text/csv")], "a,b"));
    assert_eq!((fields.header("x-a"), fields.header("content-type")), (Some("1"), Some("text/csv")));
    assert_eq!(fields.headers().get_all("content-type").iter().count(), 1);
    let both = answer(|| (StatusCode::ACCEPTED, [("x-a", String::from("2"))], ()));
    assert_eq!((both.status().as_u16(), both.header("x-a")), (202, Some("2")));
    let map = || -> HeaderMap {
        let mut map = HeaderMap::new();
        map.append("set-cookie", HeaderValue::from_static("a=1"));
        map.append("set-cookie", HeaderValue::from_static("b=2"));
        map
    };
    let cookies = answer(move || (StatusCode::OK, map(), "x"));
    assert_eq!(cookies.headers().get_all("set-cookie").iter().count(), 2);
}

#[test]
fn fields_replace_and_append() {
    let replaced = answer(|| Response::new("").header("x-a", "1").header("X-A", "2"));
    assert_eq!(replaced.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["2"]);
    let appended = answer(|| Response::new("").append_header("x-a", "1").append_header("x-a", 2));
    assert_eq!(appended.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(appended.header("content-type"), TEXT, "the field that text brings is still there");
}

#[test]
fn a_page_is_html_whatever_it_is_made_of() {
    for page in [answer(|| Html("<p>")), answer(|| Html(([("content-type", "text/plain")], "<p>")))] {
        assert_eq!(
            (page.header("content-type"), page.text().as_str()),
            (Some("text/html; charset=utf-8"), "<p>")
        );
    }
}

#[test]
fn redirects_name_a_place() {
    for (redirect, status) in
        [(Redirect::to("/a"), 303), (Redirect::temporary("/a"), 307), (Redirect::permanent("/a"), 308)]
    {
        let response = answer(move || redirect.clone());
        assert_eq!(
            (response.status().as_u16(), response.header("location"), response.bytes()),
            (status, Some("/a"), &b""[..])
        );
    }
}

#[test]
fn results_are_what_is_in_them() {
    assert_eq!(answer(|| Ok::<_, StatusCode>("fine")).text(), "fine");
    assert_eq!(answer(|| Err::<&str, _>((StatusCode::CONFLICT, "no"))).status(), 409);
    assert_eq!(answer(|| Ok::<_, std::convert::Infallible>(StatusCode::CREATED)).status(), 201);
}

#[test]
fn errors_of_the_programs_own_are_a_500_that_tells_nothing() {
    let failed = answer(|| -> io::Result<&str> { Err(io::Error::other("the disk is on fire")) });
    assert_eq!((failed.status().as_u16(), failed.text().as_str()), (500, "Internal Server Error"));
    let boxed =
        answer(|| -> Result<String, Box<dyn Error + Send + Sync>> { Ok("x".parse::<u8>()?.to_string()) });
    assert_eq!((boxed.status().as_u16(), boxed.text().as_str()), (500, "Internal Server Error"));
}

#[test]
fn no_text_of_a_peers_can_break_the_header() {
    let evil = "a\r\nSet-Cookie: session=stolen";
    let responses = [
        answer(move || ([("x-echo", evil)], "")),
        answer(move || Response::new("").header("x-echo", evil)),
        answer(move || Response::new("").append_header("x-echo", evil)),
        answer(move || Response::new("").header(evil, "x")),
        answer(move || (StatusCode::OK, [(evil, "x")], "")),
        answer(move || Redirect::to(evil)),
        answer(move || Response::upgrade(evil, |_| ())),
    ];
    for response in responses {
        assert_eq!((response.status().as_u16(), response.header("set-cookie")), (500, None));
        assert_eq!(response.header("x-echo"), None);
    }
}
