//! With `--shed-target`, requests that have waited for too long are refused, those that are served are served in time, and nobody is
//! cut off.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Client, Engine, PATIENCE, Server};
use crate::{on_cores, on_every_engine};

const SHED: [&str; 4] = ["--shed-target", "20ms", "--shed-interval", "20ms"];
/// Together they want a processor for a quarter of a second.
const CLIENTS: usize = 300;
const SPIN: &str = "GET /spin/900 HTTP/1.1\r\nHost: test\r\n\r\n";

mod late {
    use super::*;

    on_cores!(what_has_waited_for_too_long_is_refused);

    #[test]
    fn threads() {
        what_has_waited_for_too_long_is_refused(Engine::THREADS);
    }

    #[test]
    fn pool() {
        what_has_waited_for_too_long_is_refused(Engine::POOL);
    }
}

mod without_a_target {
    use super::*;

    on_every_engine!(everybody_waits);
}

mod without_load {
    use super::*;

    on_every_engine!(nobody_is_refused);
}

mod waiting {
    use super::*;

    #[test]
    fn threads() {
        handlers_that_wait_keep_nobody_waiting(Engine::THREADS);
    }

    #[test]
    fn threads_blocking() {
        handlers_that_wait_keep_nobody_waiting(Engine::THREADS_BLOCKING);
    }
}

mod crowded {
    use super::*;

    on_cores!(threads_that_wait_for_a_processor_are_few);
}

fn connect(server: &Server, count: usize) -> Vec<Client> {
    (0..count).map(|_| server.connect()).collect()
}

/// All ask at once; the statuses.
fn ask(clients: &mut [Client], request: &str) -> Vec<u16> {
    clients.iter_mut().for_each(|client| client.send(request));
    let answered = clients.iter_mut().map(|client| {
        let response = client.response();
        assert_eq!(
            response.status == 503,
            response.field("retry-after") == Some("1"),
            "{:?}",
            response.fields
        );
        assert!(!response.closes(), "its connection goes on");
        response.status
    });
    answered.collect()
}

fn status(client: &mut Client) -> Option<Value> {
    let response = client.get("/status");
    (response.status == 200).then(|| serde_json::from_slice(&response.body).expect("JSON"))
}

fn what_has_waited_for_too_long_is_refused(engine: Engine) {
    let server = Server::start(engine, &SHED);
    let mut clients = connect(&server, CLIENTS);
    let (begun, mut refused) = (Instant::now(), 0);
    while refused == 0 {
        assert!(begun.elapsed() < PATIENCE, "nothing is refused");
        let statuses = ask(&mut clients, SPIN);
        refused += statuses.iter().filter(|status| **status == 503).count();
        assert!(statuses.contains(&200), "some are served at all times");
    }
    let status = loop {
        if let Some(status) = status(&mut clients[0]) {
            break status;
        }
        assert!(begun.elapsed() < PATIENCE, "a server without load refuses");
        refused += 1;
    };
    assert_eq!(status["shed"]["late"], refused, "{status}");
}

fn everybody_waits(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut clients = connect(&server, CLIENTS);
    for _ in 0..2 {
        assert!(ask(&mut clients, SPIN).iter().all(|status| *status == 200));
    }
}

/// Not even when their connections have been there for longer than may be waited.
fn nobody_is_refused(engine: Engine) {
    const TARGET: Duration = Duration::from_millis(50);
    let server = Server::start(engine, &["--shed-target", "50ms", "--shed-interval", "1ms"]);
    let mut client = server.connect();
    let begun = Instant::now();
    let (mut served, mut refused) = (0, 0);
    while begun.elapsed() < 10 * TARGET {
        match client.get("/").status {
            503 => refused += 1,
            _ => served += 1,
        }
    }
    // Where a test has a processor only now and then, one may come late.
    assert!(refused <= served / 10, "{refused} were refused, {served} were served");
}

/// On threads few are awake at a time, but for those that wait: eight by eight this would take longer than a client's patience.
fn handlers_that_wait_keep_nobody_waiting(engine: Engine) {
    let server = Server::start(engine, &["--shed-target", "20s"]);
    let mut clients = connect(&server, CLIENTS);
    let statuses = ask(&mut clients, "GET /sleep/2000 HTTP/1.1\r\nHost: test\r\n\r\n");
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}

/// A route that burns processor time is learnt and goes to service threads, as many as there are requests: but for the limit.
fn threads_that_wait_for_a_processor_are_few(engine: Engine) {
    let server = Server::start(engine, &SHED);
    let begun = Instant::now();
    let crowded = loop {
        assert!(begun.elapsed() < PATIENCE, "threads are without limit");
        let mut clients = connect(&server, 64);
        clients.iter_mut().for_each(|client| client.send("GET /spin/5000 HTTP/1.1\r\nHost: test\r\n\r\n"));
        clients.iter_mut().for_each(|client| {
            let response = client.response();
            assert!(matches!(response.status, 200 | 503), "{}", response.status);
        });
        let Some(status) = status(&mut server.connect()) else { continue };
        if status["shed"]["crowded"].as_u64() > Some(0) {
            break status;
        }
    };
    assert!(crowded["service"]["threads_limit"].as_u64() < Some(2048), "{crowded}");
}
