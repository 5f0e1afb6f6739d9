//! Extractors of the head: method, version, target, fields, peer, pattern, extensions; and of nothing at all.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use std::net::SocketAddr;

use corelay::Router;
use corelay::http::{
    Extension, FromRequest, HeaderMap, Headers, MatchedPattern, Method, Next, Path, Peer, Query, Request,
    Response, State, TestClient, TestResponse, Uri, Version,
};

fn get(router: Router, target: &str) -> TestResponse {
    TestClient::new(router).unwrap().get(target).send()
}

#[test]
fn method_version_and_target() {
    let show = |method: Method, version: Version, uri: Uri| format!("{method} {version:?} {uri}");
    let client = TestClient::new(Router::new().any("/{*path}", show)).unwrap();
    assert_eq!(client.delete("/a/b?c=%20").send().text(), "DELETE HTTP/1.1 /a/b?c=%20");
    let purge = Method::from_bytes(b"PURGE").unwrap();
    assert_eq!(
        client.request(purge, "http://example.com/x").send().text(),
        "PURGE HTTP/1.1 http://example.com/x"
    );
}

#[test]
fn fields_by_any_case_in_order_and_with_any_bytes() {
    let show = |headers: Headers, map: HeaderMap| {
        assert_eq!(headers.0, map);
        let tags: Vec<_> = headers.get_all("X-TAG").iter().map(|value| value.as_bytes().to_vec()).collect();
        format!("{tags:?} {:?}", headers.get("host").unwrap())
    };
    let client = TestClient::new(Router::new().get("/", show)).unwrap();
    let response = client.get("/").header("X-Tag", "a").header("x-tag", b"\xe9").send();
    assert_eq!(response.text(), r#"[[97], [233]] "localhost""#);
}

#[test]
fn the_request_shows_fields_without_copying_them() {
    let show = |request: &mut Request<'_>| {
        let names: Vec<&str> = request.fields().map(|(name, _)| name).collect();
        format!("{names:?} {:?} {:?}", request.field("x-one").map(<[u8]>::len), request.host())
    };
    let client = TestClient::new(Router::new().get("/", show)).unwrap();
    let response = client.get("/").header("Host", "a.example").header("X-One", "  padded ").send();
    assert_eq!(response.text(), r#"["Host", "X-One"] Some(6) Some("a.example")"#);
}

#[test]
fn the_peer_may_have_no_address() {
    let router = Router::new().get("/", |Peer(peer): Peer| format!("{peer:?}"));
    let client = TestClient::new(router).unwrap();
    assert_eq!(client.get("/").send().text(), "None");
    let peer: SocketAddr = "[2001:db8::1]:443".parse().unwrap();
    assert_eq!(client.get("/").peer(peer).send().text(), "Some([2001:db8::1]:443)");
}

#[test]
fn the_pattern_is_the_whole_one_and_empty_where_nothing_matched() {
    let inner = Router::new().get("/{id}", |pattern: MatchedPattern| pattern.0);
    let router =
        || Router::new().nest("/users", Router::new()).fallback(|pattern: MatchedPattern| pattern.0 + "!");
    assert_eq!(get(router().nest("/api/{version}", inner), "/api/v1/7").text(), "/api/{version}/{id}");
    assert_eq!(get(router(), "/nowhere").text(), "!");
}

#[test]
fn an_extension_that_nobody_put_is_the_programs_mistake() {
    assert_eq!(get(Router::new().get("/", |_: Extension<u8>| "unreached"), "/").status(), 500);
}

#[test]
fn extensions_are_each_requests_own() {
    fn number(request: &mut Request<'_>, next: Next<'_>) -> Response {
        assert!(request.extensions().is_none_or(|extensions| extensions.is_empty()));
        if request.query() == Some("mark") {
            request.extensions_mut().insert(7_u8);
        }
        next.run(request)
    }
    let show = |number: Option<Extension<u8>>| format!("{:?}", number.map(|Extension(number)| number));
    let client = TestClient::new(Router::new().get("/", show).layer(number)).unwrap();
    assert_eq!(client.get("/?mark").send().text(), "Some(7)");
    assert_eq!(client.get("/").send().text(), "None");
}

#[test]
fn optional_extractors_do_not_fail_the_request() {
    let show = |path: Result<Path<u8>, corelay::http::Rejection>, query: Option<Query<(u8, u8)>>| {
        format!(
            "{:?} {}",
            path.map(|Path(n)| n).map_err(|refused| refused.status().as_u16()),
            query.is_some()
        )
    };
    let router = Router::new().get("/{n}", show);
    assert_eq!(get(router, "/300?x").text(), "Err(400) false");
}

#[test]
fn eight_extractors_are_run_from_left_to_right() {
    struct Log<const N: char>;
    impl<const N: char> FromRequest for Log<N> {
        type Rejection = std::convert::Infallible;
        fn from_request(request: &mut Request<'_>) -> Result<Self, Self::Rejection> {
            request.extensions_mut().get_or_insert_default::<String>().push(N);
            Ok(Self)
        }
    }
    type Eighth = Extension<String>;
    let eight = |_: Log<'a'>,
                 _: Log<'b'>,
                 _: Log<'c'>,
                 _: Log<'d'>,
                 _: Log<'e'>,
                 _: Log<'f'>,
                 _: State<u8>,
                 log: Eighth| log.0;
    assert_eq!(get(Router::new().get("/", eight).state(0_u8), "/").text(), "abcdef");
}

#[test]
fn the_first_refusal_answers_and_the_rest_is_not_tried() {
    struct Unreached;
    impl FromRequest for Unreached {
        type Rejection = std::convert::Infallible;
        fn from_request(_: &mut Request<'_>) -> Result<Self, Self::Rejection> {
            panic!("tried");
        }
    }
    let router = Router::new().get("/{n}", |_: Path<u8>, _: Unreached| "unreached");
    assert_eq!(get(router, "/x").text(), "path parameter `n`: expected u8");
}
