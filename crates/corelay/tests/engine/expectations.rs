//! `Expect: 100-continue` is answered when, and only when, the handler asks for the body (RFC 9110 section 10.1.1).

use super::support::{End, Serving};
use corelay::Router;
use corelay::http::{Body, Request, StatusCode, endpoint};
use std::io::Read;

fn router() -> Router {
    let half = |mut body: Body| {
        let mut half = [0; 2];
        body.read_exact(&mut half).map(|()| String::from_utf8_lossy(&half).into_owned())
    };
    Router::new()
        .post("/unused", || "no need")
        .post("/unused/blocking", endpoint(|| "no need").blocking())
        .post("/ignored", |_: Body| "no need")
        .post("/refused", |_: &mut Request<'_>| StatusCode::FORBIDDEN)
        .post("/half", half)
        .post("/whole", |body: String| body)
}

fn request(target: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
}

#[test]
fn a_handler_that_never_reads_answers_at_once_and_closes() {
    let serving = Serving::start(router());
    for (target, status) in
        [("/unused", 200), ("/unused/blocking", 200), ("/ignored", 200), ("/refused", 403)]
    {
        let mut client = serving.client();
        client.send(request(target));
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (status, true), "{target}");
        client.finish();
        assert_eq!(client.end(), End::Clean(Vec::new()), "{target}");
    }
    serving.end().unwrap();
}

#[test]
fn a_handler_that_reads_asks_first_and_the_connection_goes_on() {
    let serving = Serving::start(router());
    let mut client = serving.client();
    for (target, text) in [("/half", "bo"), ("/whole", "body")] {
        client.send(request(target));
        assert!(client.head().starts_with("HTTP/1.1 100 "), "{target}");
        client.send("body");
        let answer = client.answer();
        assert_eq!((answer.text(), answer.closes()), (text, false), "{target}");
    }
    serving.end().unwrap();
}
