//! Past the limit of service threads blocking work is refused, not queued.

use super::support::{End, Guest, Host, Serving, meeting, one_core};
use corelay::Router;
use corelay::http::{Response, endpoint};

fn with_one_thread(guest: Guest) -> Serving {
    let mut config = one_core();
    config.limits.max_service_threads = 1;
    let wait = move || {
        guest.stay();
        "waited"
    };
    let router = Router::new()
        .get("/wait", endpoint(wait).blocking())
        .get("/blocking", endpoint(|| "blocking").blocking())
        .get("/written", || Response::writer(|out| out.write_all(b"written")))
        .get("/upgraded", || Response::upgrade("test", |_| ()))
        .get("/", || "at once");
    Serving::with(config, router)
}

fn occupied() -> (Serving, Host) {
    let (host, guest) = meeting();
    (with_one_thread(guest), host)
}

#[test]
fn past_the_limit_is_503_with_retry_after() {
    let (serving, host) = occupied();
    let mut first = serving.client();
    first.send("GET /wait HTTP/1.1\r\nHost: test\r\n\r\n");
    host.wait_for_guest();
    for target in ["/blocking", "/wait"] {
        let refused = serving.client().get(target);
        assert_eq!((refused.status, refused.field("retry-after")), (503, Some("1")), "{target}");
        assert!(refused.closes());
    }
    assert_eq!(serving.client().get("/").text(), "at once", "what needs no thread is served");
    let status = serving.status();
    assert_eq!((status.service.refused, status.refused["no_service_thread"]), (2, 2));
    assert_eq!((status.service.threads, status.service.threads_max), (1, 1));
    host.release();
    assert_eq!(first.answer().text(), "waited");
    assert_eq!(first.get("/blocking").text(), "blocking", "the thread is free again");
    serving.end().unwrap();
}

/// The head is out by the time that a thread is asked for: nothing that looks like a body may follow it.
#[test]
fn past_the_limit_an_answer_that_has_begun_is_broken_off() {
    let (serving, host) = occupied();
    let mut first = serving.client();
    first.send("GET /wait HTTP/1.1\r\nHost: test\r\n\r\n");
    host.wait_for_guest();
    for (target, version) in [("/written", "1.1"), ("/written", "1.0"), ("/upgraded", "1.1")] {
        let mut refused = serving.client();
        refused.send(format!("GET {target} HTTP/{version}\r\nHost: test\r\n\r\n"));
        let end = refused.end();
        assert!(matches!(end, End::Reset(_)), "{target}: {end:?}");
        let text = String::from_utf8_lossy(end.bytes());
        assert!(
            text.is_empty() || text.ends_with("\r\n\r\n") && text.matches("HTTP/").count() == 1,
            "{text}"
        );
    }
    host.release();
    assert_eq!(first.answer().text(), "waited");
    serving.end().unwrap();
}

#[test]
fn one_thread_is_enough_for_one_client() {
    let (serving, _host) = occupied();
    let mut client = serving.client();
    let count = 200;
    client.send("GET /blocking HTTP/1.1\r\nHost: test\r\n\r\n".repeat(count));
    for number in 0..count {
        assert_eq!(
            client.answer().status,
            200,
            "request {number}: the thread that answered the last one is free"
        );
    }
    serving.end().unwrap();
}
