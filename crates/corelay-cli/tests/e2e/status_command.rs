//! `corelay status` shows what a running server does, and `GET /status` counts what it did.

use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::on_every_engine;
use crate::support::{Engine, Finished, PATIENCE, Scratch, Server};

on_every_engine!(
    the_command_shows_a_row_for_each_core,
    the_command_prints_the_json_as_sent,
    the_command_reads_a_unix_socket,
    nobody_there_is_exit_1,
    a_bad_url_is_exit_2,
    every_request_connection_and_byte_is_counted,
);

fn status(arguments: &[&str]) -> Finished {
    let mut command: Command = Server::bare_command();
    command.arg("status").args(arguments);
    Server::run(command)
}

fn the_command_shows_a_row_for_each_core(engine: Engine) {
    let server = Server::start(engine, &[]);
    for url in [server.address().to_string(), format!("http://{}", server.address())] {
        let shown = status(&[&url]);
        assert_eq!(shown.code, 0, "{}", shown.stderr);
        for core in ["0", "1"] {
            let row = |line: &str| line.split_ascii_whitespace().next() == Some(core);
            assert!(shown.stdout.lines().any(row), "no row for core {core}:\n{}", shown.stdout);
        }
    }
}

fn the_command_prints_the_json_as_sent(engine: Engine) {
    let server = Server::start(engine, &[]);
    let shown = status(&["--json", &server.address().to_string()]);
    let json: Value = serde_json::from_str(&shown.stdout).expect("JSON");
    assert_eq!((shown.code, json["cores"].as_array().map(Vec::len)), (0, Some(2)));
}

fn the_command_reads_a_unix_socket(engine: Engine) {
    let scratch = Scratch::new();
    let listen = format!("unix:{}", scratch.path("socket").display());
    let _server = Server::spawn(Server::command(engine, &["--listen", &listen]));
    let shown = status(&[&listen]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
}

/// The server has ended, so its port is free and nobody answers there.
fn nobody_there_is_exit_1(engine: Engine) {
    let server = Server::start(engine, &[]);
    let address = server.address().to_string();
    drop(server);
    let shown = status(&[&address]);
    assert!(shown.code == 1 && shown.stderr.contains(&address), "{}: {}", shown.code, shown.stderr);
}

fn a_bad_url_is_exit_2(_: Engine) {
    let shown = status(&["gopher://127.0.0.1"]);
    assert!(shown.code == 2 && shown.stderr.contains("gopher"), "{}: {}", shown.code, shown.stderr);
}

/// The sum of a counter over all cores and the service threads, which write the demo's long answers.
fn sum(status: &Value, counter: &str) -> u64 {
    let cores = status["cores"].as_array().expect("a list of cores");
    let counts = cores
        .iter()
        .map(|core| core[counter].as_u64().unwrap_or_else(|| panic!("{counter} is not in {core}")));
    counts.sum::<u64>() + status["service"][counter].as_u64().unwrap_or(0)
}

/// A thread counts bytes when they are sent, and a client may ask before it has: it asks again.
fn every_request_connection_and_byte_is_counted(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut watcher = server.connect();
    let mut read = || -> Value { serde_json::from_slice(&watcher.get("/status").body).expect("JSON") };
    let before = read();
    let mut clients: Vec<_> = (0..5).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("GET /bytes/100000 HTTP/1.1\r\nHost: test\r\n\r\n".repeat(2));
        client.response();
        client.response();
    }
    let begun = Instant::now();
    let (mut asked, mut after) = (1, read());
    while sum(&after, "sent_bytes") < 1_000_000 {
        assert!(begun.elapsed() < PATIENCE, "bytes are not counted: {after}");
        (asked, after) = (asked + 1, read());
    }
    let open = |status: &Value| status["connections"].as_u64().expect("a count");
    assert_eq!(open(&after), open(&before) + 5);
    if engine.name != "pool" {
        assert_eq!(sum(&after, "connections"), open(&after), "each is somebody's");
    }
    // The request that reads the counters may count itself before or after it reads them.
    let requests = sum(&after, "requests") - sum(&before, "requests");
    assert!((10 + asked - 1..=10 + asked).contains(&requests), "{requests} requests: {after}");
    assert!(sum(&after, "received_bytes") >= 400, "{after}");
}
