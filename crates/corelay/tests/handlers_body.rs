//! A body comes as bytes, as text, or as a reader, whole or while it arrives.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use std::io::{self, Read};

use corelay::Router;
use corelay::http::{Body, Next, Request, Response, TestClient, TestRequest, endpoint};

fn bytes(body: bytes::Bytes) -> String {
    format!("{body:?}")
}

fn vec(body: Vec<u8>) -> String {
    format!("{}", body.len())
}

fn first_three(mut body: Body) -> io::Result<String> {
    let mut three = [0; 3];
    body.read_exact(&mut three)?;
    Ok(format!("{} of {:?}", String::from_utf8_lossy(&three), body.length()))
}

fn client() -> TestClient {
    let router = Router::new()
        .post("/bytes", bytes)
        .post("/vec", vec)
        .post("/text", |text: String| text)
        .post("/limited", endpoint(vec).body_limit(4))
        .post("/limited-stream", endpoint(|body: Body| io::read_to_string(body)).body_limit(4))
        .post("/stream", first_three)
        .post("/unused", || "not looked at")
        .post("/request", |request: &mut Request<'_>| io::read_to_string(request.take_body()));
    TestClient::new(router).unwrap()
}

/// The answers to a request as it is, with its body still coming in, and with its body in chunks.
fn each_way(request: TestRequest<'_>, chunked: TestRequest<'_>) -> [(u16, String); 3] {
    [request.clone(), request.streamed(), chunked].map(|request| {
        let response = request.send();
        (response.status().as_u16(), response.text())
    })
}

#[test]
fn it_is_the_same_whole_streamed_and_chunked() {
    let client = client();
    let expected = [
        ("/bytes", "b\"hello\""),
        ("/vec", "5"),
        ("/text", "hello"),
        ("/unused", "not looked at"),
        ("/request", "hello"),
    ];
    for (path, answer) in expected {
        let chunked = client.post(path).header("Transfer-Encoding", "chunked");
        let chunked = chunked.body("2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n");
        let answers = each_way(client.post(path).body("hello"), chunked);
        assert_eq!(answers, [(); 3].map(|()| (200, answer.to_owned())), "{path}");
    }
}

#[test]
fn no_body_is_an_empty_one() {
    let client = client();
    for (path, answer) in [("/bytes", "b\"\""), ("/vec", "0"), ("/text", ""), ("/request", "")] {
        assert_eq!(client.post(path).send().text(), answer, "{path}");
    }
}

#[test]
fn a_reader_knows_the_declared_length() {
    let client = client();
    assert_eq!(client.post("/stream").body("hello").send().text(), "hel of Some(5)");
    let chunked = client.post("/stream").header("Transfer-Encoding", "chunked").body("3\r\nabc\r\n0\r\n\r\n");
    assert_eq!(chunked.send().text(), "abc of None");
}

#[test]
fn a_reader_that_wants_more_than_there_is_fails() {
    assert_eq!(client().post("/stream").body("he").send().status(), 500);
}

#[test]
fn a_routes_limit_is_kept_to_the_byte() {
    let client = client();
    let cases = [("", 200), ("1234", 200), ("12345", 413)];
    for (path, (body, status)) in
        ["/limited", "/limited-stream"].into_iter().flat_map(|path| cases.map(|case| (path, case)))
    {
        let chunked = client.post(path).header("Transfer-Encoding", "chunked");
        let chunked = match body.len() {
            0 => chunked.body("0\r\n\r\n"),
            length => chunked.body(format!("{length:x}\r\n{body}\r\n0\r\n\r\n")),
        };
        let answers = each_way(client.post(path).body(body), chunked);
        assert_eq!(answers.map(|(status, _)| status), [status; 3], "{path} {body:?}");
    }
}

#[test]
fn what_is_gathered_is_bounded_where_no_route_and_no_signature_says_so() {
    let gather = |request: &mut Request<'_>| request.extract::<Vec<u8>>().map(|body| body.len().to_string());
    let client = TestClient::new(Router::new().post("/", gather)).unwrap();
    let most = corelay::Config::default().limits.max_buffered_body_bytes;
    assert_eq!(client.post("/").body(vec![0; most]).send().text(), most.to_string());
    assert_eq!(client.post("/").body(vec![0; most + 1]).send().status(), 413);
}

#[test]
fn text_must_be_utf_8() {
    let refused = client().post("/text").body(b"caf\xe9".to_vec()).send();
    assert_eq!((refused.status().as_u16(), refused.text().as_str()), (400, "the body is not UTF-8"));
}

#[test]
fn a_middleware_may_read_it_and_put_it_back() {
    fn shouting(request: &mut Request<'_>, next: Next<'_>) -> io::Result<Response> {
        let text = io::read_to_string(request.take_body())?;
        request.set_body(text.to_uppercase().into_bytes());
        Ok(next.run(request))
    }
    let client = TestClient::new(Router::new().post("/", |text: String| text).layer(shouting)).unwrap();
    assert_eq!(client.post("/").body("hello").send().text(), "HELLO");
    assert_eq!(client.post("/").body("hello").streamed().send().text(), "HELLO");
}
