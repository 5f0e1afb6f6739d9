//! What a request and a connection may cost: system calls, and memory. Counted, never timed.
//!
//! System calls are counted by strace(1), which must be installed. Heap allocations and clock readings are counted in the
//! library's own tests, where an allocator and a clock can be injected.

#[allow(dead_code, unused_imports, reason = "shared by three test targets, and each uses its own part of it")]
mod support;

use std::collections::BTreeMap;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;
use support::{Client, Engine, Server, Trace, completed_call};

on_every_engine!(
    a_keep_alive_request_is_one_recv_and_one_send,
    pipelined_answers_leave_in_one_send,
    an_idle_server_makes_no_system_call,
);

/// Served once, so that what happens only on a connection's first request is behind it.
fn warm(server: &Server) -> Client {
    let mut client = server.connect();
    assert_eq!(client.get("/plaintext").status, 200);
    client
}

fn count(calls: &BTreeMap<String, usize>, names: &[&str]) -> usize {
    names.iter().filter_map(|name| calls.get(*name)).sum()
}

const RECEIVE: [&str; 5] = ["recvfrom", "recvmsg", "read", "readv", "recv"];
const SEND: [&str; 5] = ["sendto", "sendmsg", "write", "writev", "send"];

/// The client has its answer before strace has seen the call that sent it return.
const SEEN_LATE: usize = 1;

fn a_keep_alive_request_is_one_recv_and_one_send(engine: Engine) {
    const REQUESTS: usize = 10_000;
    /// For the wake-ups of other threads in that time, if there are any.
    const FEW: usize = 20;
    // Without the monitor, whose looks at the cores go by time and not by requests.
    let server = Server::start(engine, &["--relay", "off"]);
    let mut client = warm(&server);
    let trace = Trace::attach(server.id());
    for _ in 0..REQUESTS {
        assert_eq!(client.get("/plaintext").status, 200);
    }
    let calls = trace.finish();
    let expected = REQUESTS - SEEN_LATE..=REQUESTS + FEW;
    assert!(expected.contains(&count(&calls, &RECEIVE)), "one recv for each request: {calls:?}");
    assert!(expected.contains(&count(&calls, &SEND)), "one send for each request: {calls:?}");
    if engine.name == "cores" {
        assert_eq!(count(&calls, &["epoll_ctl"]), 0, "{calls:?}");
        let all: usize = calls.values().sum();
        assert!(
            all <= 3 * REQUESTS + 2 * FEW,
            "recv, send, and waiting for the next one, no more: {calls:?}"
        );
    } else {
        // A thread that blocks is told nothing by anybody, and `pool` arms each descriptor for one report.
        let arming = if engine.name == "pool" { REQUESTS } else { 0 };
        // The client may have its last answer before the worker has armed the connection again.
        assert!(
            (arming.saturating_sub(FEW)..=arming + FEW).contains(&count(&calls, &["epoll_ctl"])),
            "{calls:?}"
        );
    }
}

fn pipelined_answers_leave_in_one_send(engine: Engine) {
    const BATCHES: usize = 500;
    // Without the monitor, as above: what it reads of a core that strace holds up counts as receiving.
    let server = Server::start(engine, &["--relay", "off"]);
    let mut client = warm(&server);
    let trace = Trace::attach(server.id());
    let batch = "GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n".repeat(16);
    for _ in 0..BATCHES {
        client.send(&batch);
        (0..16).for_each(|_| assert_eq!(client.response().status, 200));
    }
    let calls = trace.finish();
    assert!(
        (BATCHES - SEEN_LATE..=BATCHES + 20).contains(&count(&calls, &SEND)),
        "one send for 16 answers: {calls:?}"
    );
    assert!(
        (BATCHES - SEEN_LATE..=BATCHES + 20).contains(&count(&calls, &RECEIVE)),
        "one recv for 16 requests: {calls:?}"
    );
}

/// With the threads that only watch: the monitor of the cores rests when they do.
fn an_idle_server_makes_no_system_call(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut idle = warm(&server);
    drop(warm(&server));
    becomes_silent(&server);
    assert_eq!(idle.get("/plaintext").status, 200);
}

/// Attaching interrupts what each thread waits in, so the first calls seen are strace's own doing, and threads that stand
/// by end after a while. What is asked for is ten seconds in a row without any call, within the first minute.
fn becomes_silent(server: &Server) {
    const SILENCE: Duration = Duration::from_secs(10);
    let trace = Trace::attach(server.id());
    let begun = Instant::now();
    let mut calls = Vec::new();
    loop {
        match trace.lines.recv_timeout(SILENCE) {
            Ok(line) => calls.extend(completed_call(&line).map(|_| line)),
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => panic!("strace ended"),
        }
        assert!(begun.elapsed() < 6 * SILENCE, "it is never silent:\n{}", calls.join("\n"));
    }
    warm(server);
    assert!(!trace.finish().is_empty(), "strace was watching");
}

/// Connections that were served once and are idle. Both sides must stay within 20,000 open files; for the same reason one
/// engine's turn at a time.
fn bytes_of_an_idle_connection(engine: Engine, connections: u64) -> u64 {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
        .expect("soft may be raised to hard");
    let server = Server::start(engine, &["--idle-timeout", "1h"]);
    drop((0..100).map(|_| warm(&server)).collect::<Vec<_>>());
    let before = server.process().resident_bytes();
    let clients: Vec<_> = (0..connections).map(|_| warm(&server).into_idle()).collect();
    let grown = server.process().resident_bytes().saturating_sub(before);
    assert!(server.process().open_files() >= clients.len(), "all of them are open");
    grown / connections
}

mod idle_memory {
    //! A connection's memory is little more than its thread's, where it has one.
    use super::*;

    on_every_engine!(an_idle_connection_costs_little);

    /// A thread: a few pages of its stack. The kernel's part, 16 KiB of stack each, is not resident memory of the process.
    fn an_idle_connection_costs_little(engine: Engine) {
        let (connections, most) = if engine.name == "threads" { (2_000, 22 * 1024) } else { (15_000, 256) };
        let each = bytes_of_an_idle_connection(engine, connections);
        assert!(each <= most, "{each} bytes a connection");
    }
}

mod taken_cores {
    //! What only `cores` has: cores that are taken.
    use super::*;

    on_cores!(a_server_that_waits_for_its_handlers_makes_no_system_call);

    /// Cores were taken from these handlers, and one of their peers has reset its connection: its descriptor must not report
    /// that again and again, and no monitor must go on looking.
    fn a_server_that_waits_for_its_handlers_makes_no_system_call(engine: Engine) {
        let server = Server::start(engine, &["--idle-timeout", "1h"]);
        let sleepers = [(); 2].map(|()| {
            let mut client = server.connect();
            client.send("GET /sleep/60000 HTTP/1.1\r\nHost: test\r\n\r\n");
            client.into_idle()
        });
        let mut watcher = server.connect();
        let mut taken = || -> u64 {
            let status: Value = serde_json::from_slice(&watcher.get("/status").body).expect("JSON");
            let cores = status["cores"].as_array().expect("a list of cores");
            cores.iter().filter_map(|core| core["core_relays"].as_u64()).sum()
        };
        while taken() < 2 {}
        let [reset, _kept] = sleepers;
        rustix::net::sockopt::set_socket_linger(&reset, Some(Duration::ZERO)).expect("SO_LINGER");
        drop(reset);
        becomes_silent(&server);
        assert_eq!(watcher.get("/plaintext").status, 200);
    }
}

mod connections {
    //! What `cores` spends on a connection with one request.
    use super::*;

    /// Wait, accept, register, wait, receive, send, shut, look for more, delete, close; and a look now and then for more of them.
    #[test]
    fn a_connection_with_one_request_is_ten_calls() {
        const CONNECTIONS: usize = 1_000;
        let server = Server::start(Engine::CORES_PER_CORE, &["--relay", "off", "--cores", "1"]);
        drop(warm(&server));
        let trace = Trace::attach(server.id());
        for _ in 0..CONNECTIONS {
            let mut client = server.connect();
            client.send("GET /plaintext HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
            assert_eq!(client.response().status, 200);
            client.expect_end();
        }
        let calls = trace.finish();
        let all: usize = calls.values().sum();
        assert!(all <= 10 * CONNECTIONS + CONNECTIONS / 4, "{calls:?}");
        let closed = count(&calls, &["close"]);
        assert!((CONNECTIONS - SEEN_LATE..=CONNECTIONS).contains(&closed), "{calls:?}");
    }
}
