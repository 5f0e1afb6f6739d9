//! Requests that are no calls, and calls that make no sense: each has its own status.

use crate::support::{Engine, Server};
use crate::{JSON, STREAM_JSON, frame, path, post};

crate::on_every_engine!(
    an_unknown_method_is_404_and_unimplemented,
    a_wrong_content_type_is_415_with_those_that_are_right,
    a_wrong_method_is_405_with_those_that_are_right,
    a_call_that_makes_no_sense_is_told_why,
    a_get_is_refused_like_a_post,
    the_listing_names_every_method,
);

fn an_unknown_method_is_404_and_unimplemented(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    let answer = post(&mut connection, "Nope", &[JSON], b"{}");
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("\"code\":\"unimplemented\""), "{}", answer.text());
    assert_eq!(connection.get(&path("Nope")).status, 404);
    assert_eq!(connection.get("/corelay.demo.v1.NoService/Draw").status, 404);
}

fn a_wrong_content_type_is_415_with_those_that_are_right(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    for fields in [&["Content-Type: text/plain"][..], &[STREAM_JSON], &[]] {
        let answer = post(&mut connection, "Draw", fields, b"{}");
        assert_eq!(answer.status, 415);
        assert_eq!(answer.field("accept-post"), Some("application/json, application/proto"));
    }
    let answer = post(&mut connection, "Roll", &[JSON], b"{}");
    assert_eq!(answer.status, 415);
    assert_eq!(answer.field("accept-post"), Some("application/connect+json, application/connect+proto"));
    assert_eq!(connection.get(&format!("{}?encoding=xml&message=", path("Draw"))).status, 415);
}

fn a_wrong_method_is_405_with_those_that_are_right(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    let answer = connection.request("DELETE", &path("Draw"), b"");
    assert_eq!((answer.status, answer.field("allow")), (405, Some("POST, GET, HEAD, OPTIONS")));
    let answer = connection.get(&path("Roll"));
    assert_eq!((answer.status, answer.field("allow")), (405, Some("POST, OPTIONS")));
}

fn a_call_that_makes_no_sense_is_told_why(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    for (code, status, fields, body) in [
        ("invalid_argument", 400, &[JSON][..], &b"{"[..]),
        ("invalid_argument", 400, &[JSON], b"{\"count\":-1}"),
        ("invalid_argument", 400, &["Content-Type: application/proto"], &[0xff; 5]),
        ("invalid_argument", 400, &[JSON, "Connect-Protocol-Version: 2"], b"{}"),
        ("invalid_argument", 400, &[JSON, "Content-Encoding: gzip"], b"{}"),
        ("unimplemented", 501, &[JSON, "Content-Encoding: lzw"], b"{}"),
        ("out_of_range", 400, &[JSON], b"{\"count\":10001}"),
    ] {
        let answer = post(&mut connection, "Draw", fields, body);
        assert_eq!(
            (answer.status, answer.field("content-type")),
            (status, Some("application/json")),
            "{fields:?}"
        );
        assert!(answer.text().contains(&format!("\"code\":\"{code}\"")), "{}", answer.text());
    }
    let answer = post(&mut connection, "Draw", &[JSON, "Connect-Protocol-Version: 1"], b"{\"unknown\":[1]}");
    assert_eq!(answer.status, 200, "fields of newer clients are passed over");
    assert_eq!(post(&mut connection, "Draw", &["Content-Type: application/proto"], b"").status, 200);
    assert_eq!(post(&mut connection, "Sum", &[STREAM_JSON], &frame(0, b"")).status, 200);
}

fn a_get_is_refused_like_a_post(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    for (status, query) in [
        (200, "connect=v1&encoding=json&message=%7B%22count%22%3A2%7D"),
        (200, "encoding=proto&base64=1&message=CAI"),
        (415, ""),
        (400, "encoding=json"),
        (400, "encoding=json&message=%7B"),
        (400, "encoding=proto&base64=1&message=%25"),
        (400, "connect=v2&encoding=json&message=%7B%7D"),
        (501, "encoding=json&message=%7B%7D&compression=lzw"),
    ] {
        assert_eq!(connection.get(&format!("{}?{query}", path("Draw"))).status, status, "{query}");
    }
}

fn the_listing_names_every_method(engine: Engine) {
    let server = Server::start(engine, &[]);
    let listing = server.connect().get("/rpc");
    for method in ["Draw", "Roll", "Sum", "Exchange"] {
        assert!(listing.text().contains(&path(method)), "{}", listing.text());
    }
}
