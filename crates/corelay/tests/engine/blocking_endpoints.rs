//! A handler that says it blocks runs on a service thread: its connection is away, the core is not.

use super::support::{Serving, meeting};
use corelay::Router;
use corelay::http::endpoint;

fn thread_name() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

fn request(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n")
}

#[test]
fn a_connection_comes_home_and_requests_behind_are_answered_in_order() {
    let router = Router::new()
        .get("/blocking", endpoint(thread_name).blocking())
        .get("/inline", endpoint(thread_name).inline())
        .get("/either", thread_name);
    let serving = Serving::start(router);
    let mut client = serving.client();
    client.send(["/inline", "/blocking", "/either", "/blocking", "/inline"].map(request).concat());
    let names = [(); 5].map(|()| client.answer().text().to_owned());
    let (core, service) = ("corelay-core-0", "corelay-service");
    assert_eq!(names, [core, service, core, service, core]);
    let status = serving.status();
    assert_eq!((status.cores[0].requests, status.cores[0].connection_relays), (3, 2));
    assert_eq!(client.get("/inline").text(), core, "the connection goes on as before");
    serving.end().unwrap();
}

#[test]
fn its_body_is_gathered_first_whatever_its_framing() {
    let reverse = |mut body: Vec<u8>| {
        body.reverse();
        body.extend_from_slice(thread_name().as_bytes());
        body
    };
    let serving = Serving::start(Router::new().post("/", endpoint(reverse).blocking()));
    let mut client = serving.client();
    let head = "POST / HTTP/1.1\r\nHost: test\r\n";
    client.send(format!("{head}Content-Length: 3\r\n\r\nabc"));
    assert_eq!(client.answer().text(), "cbacorelay-service");
    client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"));
    client.send("1\r\nc\r\n0\r\n\r\n");
    assert_eq!(client.answer().text(), "cbacorelay-service");
    client.send(format!("{head}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
    assert!(client.head().starts_with("HTTP/1.1 100 "));
    client.send("abc");
    assert_eq!(client.answer().text(), "cbacorelay-service");
    serving.end().unwrap();
}

#[test]
fn while_one_is_away_others_on_its_core_are_served() {
    let (host, guest) = meeting();
    let wait = move || {
        guest.stay();
        "waited"
    };
    let router = Router::new().get("/wait", endpoint(wait).blocking()).get("/", || "at once");
    let serving = Serving::start(router);
    let (mut away, mut other) = (serving.client(), serving.client());
    away.send(request("/wait") + &request("/"));
    host.wait_for_guest();
    for _ in 0..10 {
        assert_eq!(other.get("/").text(), "at once");
    }
    assert_eq!(serving.status().connections, 2, "one that is away is open");
    assert_eq!(serving.status().cores[0].requests, 10, "what is behind a request that is away waits");
    host.release();
    assert_eq!(away.answer().text(), "waited");
    assert_eq!(away.answer().text(), "at once");
    serving.end().unwrap();
}
