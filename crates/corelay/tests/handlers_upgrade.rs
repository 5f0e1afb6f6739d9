//! A handler may take the connection over: `Upgrade` and `CONNECT`.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use std::io::{Read, Write};

use corelay::Router;
use corelay::http::{Method, Request, Response, StatusCode, TestClient, Upgraded};

fn echo(mut connection: Upgraded) {
    let mut text = String::new();
    connection.read_to_string(&mut text).unwrap();
    connection.write_all(text.to_uppercase().as_bytes()).unwrap();
    connection.flush().unwrap();
}

fn shout(request: &mut Request<'_>) -> Result<Response, StatusCode> {
    match request.field("upgrade") {
        Some(b"shout") => Ok(Response::upgrade("shout", echo)),
        _ => Err(StatusCode::UPGRADE_REQUIRED),
    }
}

#[test]
fn an_upgrade_hands_over_what_came_behind_the_request() {
    let client = TestClient::new(Router::new().get("/", shout)).unwrap();
    let request =
        client.get("/").header("Connection", "upgrade").header("Upgrade", "shout").body("early bytes");
    let response = request.send();
    assert_eq!((response.status().as_u16(), response.header("upgrade")), (101, Some("shout")));
    assert_eq!(response.text(), "EARLY BYTES");
    assert_eq!(client.get("/").send().status(), 426);
}

#[test]
fn connect_opens_a_tunnel() {
    let connect = |request: &mut Request<'_>| match request.target() {
        "allowed.example:443" => Ok(Response::tunnel(echo)),
        _ => Err(StatusCode::FORBIDDEN),
    };
    let client = TestClient::new(Router::new().connect(connect)).unwrap();
    let open = client
        .request(Method::CONNECT, "allowed.example:443")
        .header("Host", "allowed.example:443")
        .body("hello");
    let response = open.send();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (200, "HELLO"));
    assert_eq!(client.request(Method::CONNECT, "other.example:443").send().status(), 403);
}
