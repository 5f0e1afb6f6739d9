//! `corelay::blocking`: the core is passed on at once, wherever it is called.

use super::support::{Gates, Serving, one_core, until};
use corelay::config::Relay;
use corelay::http::{TestClient, endpoint};
use corelay::{Router, blocking};

fn router(gates: &Gates) -> Router {
    let passing = gates.clone();
    let wait = move || blocking(|| passing.pass("gate"));
    let passing = gates.clone();
    let nested = move || {
        let inner = || blocking(|| passing.pass("gate"));
        blocking(|| blocking(inner));
        blocking(|| "waited")
    };
    let passing = gates.clone();
    let panics = move || -> &'static str {
        blocking(|| {
            passing.pass("gate");
            panic!("on purpose")
        })
    };
    Router::new()
        .get("/wait", wait.clone())
        .get("/nested", nested)
        .get("/panics", panics)
        .get("/quick", || blocking(|| "quick"))
        .get("/service", endpoint(wait).blocking())
        .get("/", || "served")
}

#[test]
fn others_are_served_while_it_runs() {
    super::support::expect_panics();
    for (target, status) in [("/wait", 200), ("/nested", 200), ("/panics", 500), ("/service", 200)] {
        let gates = Gates::default();
        let serving = Serving::start(router(&gates));
        let (mut stuck, mut other) = (serving.client(), serving.client());
        stuck.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        gates.wait_for("gate");
        assert_eq!(other.get("/").text(), "served", "{target}");
        gates.open("gate");
        assert_eq!(stuck.answer().status, status, "{target}");
        assert_eq!(stuck.get("/").text(), "served");
        serving.end().unwrap();
    }
}

#[test]
fn on_a_service_thread_no_core_is_taken() {
    let gates = Gates::default();
    gates.open("gate");
    let serving = Serving::start(router(&gates));
    let mut client = serving.client();
    for _ in 0..100 {
        assert_eq!(client.get("/service").status, 200);
    }
    until("all are counted", || serving.status().cores[0].connection_relays == 100);
    assert_eq!(serving.status().cores[0].core_relays, 0);
    serving.end().unwrap();
}

#[test]
fn outside_of_a_server_it_just_runs() {
    assert_eq!(blocking(|| blocking(|| 7)), 7);
    let client = TestClient::new(router(&Gates::default())).unwrap();
    assert_eq!(client.get("/quick").send().text(), "quick");
}

/// A thread that a handler has started is none of the server's.
#[test]
fn on_a_thread_of_the_programs_own_it_just_runs() {
    let spawn = || std::thread::spawn(|| blocking(|| "ran")).join().unwrap_or("panicked");
    let serving = Serving::start(Router::new().get("/", spawn));
    assert_eq!(serving.client().get("/").text(), "ran");
    serving.end().unwrap();
}

#[test]
fn without_relay_it_just_runs() {
    let mut config = one_core();
    config.relay = Relay::Off;
    let serving = Serving::with(config, router(&Gates::default()));
    assert_eq!(serving.client().get("/quick").text(), "quick");
    let status = serving.status();
    assert_eq!((status.cores[0].core_relays, status.service.threads), (0, 0));
    serving.end().unwrap();
}

/// Where the work is done before a standby is there, or just after: a false take at most, and nothing is learnt.
#[test]
fn work_that_is_done_at_once_is_answered_once_and_teaches_nothing() {
    let serving = Serving::start(router(&Gates::default()));
    let mut client = serving.client();
    for _ in 0..50 {
        client.send("GET /quick HTTP/1.1\r\nHost: test\r\n\r\n".repeat(20));
        for _ in 0..20 {
            assert_eq!(client.answer().text(), "quick");
        }
        assert_eq!(client.get("/").text(), "served");
    }
    until("all is counted", || {
        let status = serving.status();
        status.cores[0].requests + status.service.requests == 50 * 21
    });
    serving.end().unwrap();
}

/// Nobody is left to take the core: then it waits, as without `blocking`.
#[test]
fn past_the_limit_of_threads_it_just_runs() {
    let mut config = one_core();
    config.limits.max_service_threads = 1;
    let gates = Gates::default();
    let serving = Serving::with(config, router(&gates));
    let mut clients: Vec<_> = (0..3).map(|_| serving.client()).collect();
    for client in &mut clients {
        client.send("GET /wait HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    until("the core stands still", || serving.status().cores.iter().any(|core| core.core_stalled_ms > 0));
    gates.open("gate");
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
        assert_eq!(client.get("/").text(), "served");
    }
    serving.end().unwrap();
}
