//! Options that change how connections are taken, placed and closed do not change what is answered, and logs go where
//! they are told.

use rustix::process::Signal;

use crate::on_every_engine;
use crate::support::{Engine, Server};

on_every_engine!(
    every_option_still_serves,
    the_access_log_has_a_line_a_request,
    json_logs_are_json,
    log_off_is_silent,
);

fn every_option_still_serves(engine: Engine) {
    for flags in [
        ["--defer-accept", "1s"].as_slice(),
        &["--abortive-close"],
        &["--backlog", "1"],
        &["--notsent-lowat", "0"],
        &["--notsent-lowat", "1"],
        &["--pin", "on"],
        &["--pin", "off"],
        &["--cores", "1"],
        &["--cores", "1", "--max-pipelined", "1"],
        &["--linger-timeout", "100ms"],
    ] {
        let server = Server::start(engine, flags);
        for _ in 0..5 {
            let mut client = server.connect();
            assert_eq!(client.get("/plaintext").status, 200, "{flags:?}");
            client.send("GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n".repeat(10));
            for _ in 0..10 {
                assert_eq!(client.response().text(), "Hello, World!", "{flags:?}");
            }
        }
    }
}

/// Serves one request that a log line can be told by, and returns the log after a drain.
fn log_of_one_request(engine: Engine, flags: &[&str]) -> String {
    let server = Server::start(engine, flags);
    assert_eq!(server.connect().get("/random?n=3&max=77").status, 200);
    server.signal(Signal::TERM);
    let finished = server.wait();
    assert_eq!(finished.code, 0);
    finished.stderr
}

fn the_access_log_has_a_line_a_request(engine: Engine) {
    let log = log_of_one_request(engine, &["--access-log"]);
    let lines: Vec<_> = log.lines().filter(|line| line.contains("/random")).collect();
    assert!(lines.len() == 1 && lines[0].contains("GET") && lines[0].contains("200"), "{log}");
    let without = log_of_one_request(engine, &[]);
    assert!(!without.contains("/random"), "{without}");
}

fn json_logs_are_json(engine: Engine) {
    let log = log_of_one_request(engine, &["--access-log", "--log", "json"]);
    let parse = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|_| panic!("not JSON: {line}"))
    };
    let lines: Vec<_> = log.lines().map(parse).collect();
    assert!(lines.iter().any(|line| line.to_string().contains("/random")), "{log}");
}

fn log_off_is_silent(engine: Engine) {
    assert_eq!(log_of_one_request(engine, &["--access-log", "--log", "off"]), "");
}
