//! User code is more than handlers: wherever it blocks, its core goes on without it, and the answer is what it would
//! have been.

use super::support::{Client, End, Gates, Serving, expect_panics, until};
use bytes::Bytes;
use corelay::Router;
use corelay::http::{FromRequest, IntoResponse, Json, Next, Request, Response, StatusCode, endpoint};
use std::convert::Infallible;

/// Waits at the gate wherever it is used: made, turned into a response, read, dropped.
struct Waits(Gates);

impl FromRequest for Waits {
    type Rejection = Infallible;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Infallible> {
        let gates = request.state::<Gates>().cloned().unwrap_or_default();
        gates.pass("gate");
        Ok(Self(gates))
    }
}

impl IntoResponse for Waits {
    fn into_response(self) -> Response {
        self.0.pass("gate");
        "waited".into_response()
    }
}

/// Waits when it is dropped.
#[derive(Clone)]
struct WaitsAtTheEnd(Gates, Vec<u8>);

impl Drop for WaitsAtTheEnd {
    fn drop(&mut self) {
        self.0.pass("gate");
    }
}

impl AsRef<[u8]> for WaitsAtTheEnd {
    fn as_ref(&self) -> &[u8] {
        &self.1
    }
}

/// Asks for a route and says whether it was answered as it should be, on a connection that then goes on, while another
/// connection is served meanwhile.
fn waits_and_answers(gates: &Gates, router: Router, request: &str, status: u16, body: &[u8]) {
    let serving = Serving::start(router.get("/", || "served"));
    let (mut client, mut other) = (serving.client(), serving.client());
    client.send(request);
    gates.wait_for_take("gate", &serving);
    assert_eq!(other.get("/").text(), "served", "{request}");
    gates.open("gate");
    let answer = client.answer();
    assert_eq!((answer.status, &answer.body[..]), (status, body), "{request}");
    assert_eq!(client.get("/").text(), "served", "{request}");
    drop((client, other));
    until("no connection is left", || serving.status().connections == 0);
    serving.end().unwrap();
}

const GET: &str = "GET /wait HTTP/1.1\r\nHost: test\r\n\r\n";

#[test]
fn an_extractor() {
    let gates = Gates::default();
    let router = Router::new().state(gates.clone()).get("/wait", |_: Waits| "waited");
    waits_and_answers(&gates, router, GET, 200, b"waited");
}

#[test]
fn making_the_response() {
    let gates = Gates::default();
    let waiting = gates.clone();
    let router = Router::new().get("/wait", move || Waits(waiting.clone()));
    waits_and_answers(&gates, router, GET, 200, b"waited");
}

#[test]
fn a_middleware() {
    let gates = Gates::default();
    let waiting = gates.clone();
    let layer = move |request: &mut Request<'_>, next: Next<'_>| {
        waiting.pass("gate");
        next.run(request).status(StatusCode::ACCEPTED)
    };
    let router = Router::new().get("/wait", || "waited").layer(layer);
    waits_and_answers(&gates, router, GET, 202, b"waited");
}

#[test]
fn the_fallback() {
    let gates = Gates::default();
    let waiting = gates.clone();
    let router = Router::new().fallback(move || {
        waiting.pass("gate");
        (StatusCode::NOT_FOUND, "waited")
    });
    waits_and_answers(&gates, router, GET, 404, b"waited");
}

#[test]
fn a_value_that_is_dropped_with_the_request() {
    let gates = Gates::default();
    let waiting = gates.clone();
    let router = Router::new().get("/wait", move |request: &mut Request<'_>| {
        request.extensions_mut().insert(WaitsAtTheEnd(waiting.clone(), Vec::new()));
        "waited"
    });
    waits_and_answers(&gates, router, GET, 200, b"waited");
}

/// Small bytes are copied, and dropped before the answer is sent; large ones are dropped after.
#[test]
fn bytes_with_an_owner_that_blocks_when_it_is_dropped() {
    for size in [1, 1_000_000] {
        let gates = Gates::default();
        let waiting = gates.clone();
        let body = vec![b'x'; size];
        let owned = body.clone();
        let router = Router::new()
            .get("/wait", move || Bytes::from_owner(WaitsAtTheEnd(waiting.clone(), owned.clone())))
            .get("/", || "served");
        let serving = Serving::start(router);
        let (mut client, mut other) = (serving.client(), serving.client());
        let received = std::thread::spawn(move || {
            client.send(GET);
            (client.answer().body, client)
        });
        gates.wait_for_take("gate", &serving);
        assert_eq!(other.get("/").text(), "served");
        gates.open("gate");
        let (received, mut client) = received.join().unwrap();
        assert!(received == body, "{size} bytes");
        assert_eq!(client.get("/").text(), "served");
        serving.end().unwrap();
    }
}

#[test]
fn the_iterator_of_a_streamed_answer() {
    let gates = Gates::default();
    let waiting = gates.clone();
    let chunks = move || {
        let waiting = waiting.clone();
        Response::chunks((0..3).map(move |number| {
            if number == 1 {
                waiting.pass("gate");
            }
            Ok(Bytes::from(format!("{number}")))
        }))
    };
    waits_and_answers(&gates, Router::new().get("/wait", chunks), GET, 200, b"012");
}

#[test]
fn a_handler_of_a_body_that_was_gathered() {
    let gates = Gates::default();
    let waiting = gates.clone();
    let router = Router::new().post("/wait", move |Json(numbers): Json<Vec<u32>>| {
        waiting.pass("gate");
        Json(numbers)
    });
    let head = "POST /wait HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";
    let requests = [
        format!("{head}Content-Length: 5\r\n\r\n[1,2]"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\n[1,2]\r\n0\r\n\r\n"),
    ];
    waits_and_answers(&gates, router, &requests[0], 200, b"[1,2]");
    let gates = Gates::default();
    let waiting = gates.clone();
    let router = Router::new().post("/wait", move |Json(numbers): Json<Vec<u32>>| {
        waiting.pass("gate");
        Json(numbers)
    });
    waits_and_answers(&gates, router, &requests[1], 200, b"[1,2]");
}

/// The body it does not want is read and dropped after the answer, by whoever has the connection then.
#[test]
fn a_handler_that_leaves_its_body_unread() {
    let gates = Gates::default();
    let waiting = gates.clone();
    let wait = move || {
        waiting.pass("gate");
        "waited"
    };
    let serving = Serving::start(Router::new().post("/wait", wait).get("/", || "served"));
    let mut client = serving.client();
    client.send("POST /wait HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf ");
    gates.wait_for_take("gate", &serving);
    gates.open("gate");
    assert_eq!(client.answer().text(), "waited");
    client.send("emptyGET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.answer().text(), "served");
    serving.end().unwrap();
}

#[test]
fn a_panic_after_the_core_was_taken_is_a_500() {
    expect_panics();
    let gates = Gates::default();
    let waiting = gates.clone();
    let router = Router::new().get("/wait", move || -> &'static str {
        waiting.pass("gate");
        panic!("on purpose");
    });
    waits_and_answers(&gates, router, GET, 500, b"Internal Server Error");
}

#[test]
fn an_iterator_that_panics_after_the_core_was_taken_breaks_its_answer_off() {
    expect_panics();
    let gates = Gates::default();
    let waiting = gates.clone();
    let chunks = move || {
        let waiting = waiting.clone();
        Response::chunks(std::iter::repeat_with(move || {
            waiting.pass("gate");
            panic!("on purpose")
        }))
    };
    let serving = Serving::start(Router::new().get("/wait", chunks).get("/", || "served"));
    let mut client = serving.client();
    client.send(GET);
    gates.wait_for_take("gate", &serving);
    gates.open("gate");
    assert!(matches!(client.end(), End::Reset(_)), "its end must not look like one");
    until("it is counted", || serving.closes("answer_broken") == 1 && serving.status().connections == 0);
    assert_eq!(serving.client().get("/").text(), "served");
    serving.end().unwrap();
}

#[test]
fn an_answer_that_writes_itself_after_its_handler_blocked() {
    let gates = Gates::default();
    let waiting = gates.clone();
    let written = move || {
        waiting.pass("gate");
        Response::writer(|out| (0..3).try_for_each(|number| write!(out, "{number}")))
    };
    waits_and_answers(&gates, Router::new().get("/wait", written), GET, 200, b"012");
}

#[test]
fn an_upgrade_after_its_handler_blocked() {
    let gates = Gates::default();
    let waiting = gates.clone();
    let upgrade = move || {
        waiting.pass("gate");
        Response::upgrade("echo", |mut connection| {
            let mut buffer = [0; 10];
            let _ = std::io::Read::read_exact(&mut connection, &mut buffer);
            let _ = std::io::Write::write_all(&mut connection, &buffer);
        })
    };
    let router = Router::new().get("/wait", endpoint(upgrade).inline()).get("/", || "served");
    let serving = Serving::start(router);
    let mut client: Client = serving.client();
    client.send("GET /wait HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly");
    gates.wait_for_take("gate", &serving);
    gates.open("gate");
    assert!(client.head().starts_with("HTTP/1.1 101 "));
    assert_eq!(serving.client().get("/").text(), "served", "while it is the other protocol's");
    client.send(" late");
    assert_eq!(client.exactly(10), b"early late");
    assert_eq!(client.end(), End::Clean(Vec::new()));
    until("it is counted", || serving.closes("upgraded") == 1);
    serving.end().unwrap();
}
