//! What a message of a protocol may cost in system calls, counted on the example `echo` by strace(1), which must be installed.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

#[path = "protocol_examples/program.rs"]
#[allow(dead_code, reason = "shared by two test targets, and each uses its own part of it")]
mod program;
#[path = "../../corelay-cli/tests/support/trace.rs"]
#[allow(dead_code, reason = "shared by two test targets, and each uses its own part of it")]
mod trace;

use program::Program;
use std::io::{Read, Write};
use trace::Trace;

/// The client has its answer before strace has seen the call that sent it return.
const SEEN_LATE: usize = 1;
/// For the wake-ups of other threads in that time: the watchdog's timer, and the monitor's looks.
const FEW: usize = 20;

/// Sends `turns` times `message`, each when the one before is back; the system calls of that, by name.
fn calls_of(engine: &str, turns: usize, message: &[u8]) -> std::collections::BTreeMap<String, usize> {
    let echo = Program::start("echo", engine);
    let mut client = echo.client().0.into_inner();
    let mut answer = vec![0; message.len()];
    let mut turn = || {
        client.write_all(message).unwrap();
        client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, message);
    };
    turn();
    let trace = Trace::attach(echo.id());
    (0..turns).for_each(|_| turn());
    trace.finish()
}

#[test]
fn a_message_is_one_recv_and_one_send() {
    const MESSAGES: usize = 5_000;
    for engine in ["cores", "threads", "pool"] {
        let calls = calls_of(engine, MESSAGES, b"hello");
        let count = |name: &str| calls.get(name).copied().unwrap_or(0);
        let expected = MESSAGES - SEEN_LATE..=MESSAGES + FEW;
        assert!(expected.contains(&count("recvfrom")), "on {engine}: {calls:?}");
        assert!(expected.contains(&count("sendto")), "on {engine}: {calls:?}");
        // `pool` arms each descriptor for one report.
        let arming = if engine == "pool" { MESSAGES } else { 0 };
        assert!(count("epoll_ctl") <= arming + FEW, "on {engine}: {calls:?}");
    }
}

#[test]
fn messages_that_come_together_are_answered_together() {
    const BATCHES: usize = 1_000;
    let calls = calls_of("cores", BATCHES, &b"hello\n".repeat(1_000));
    let count = |name: &str| calls.get(name).copied().unwrap_or(0);
    let expected = BATCHES - SEEN_LATE..=BATCHES + FEW;
    assert!(expected.contains(&count("recvfrom")) && expected.contains(&count("sendto")), "{calls:?}");
}
