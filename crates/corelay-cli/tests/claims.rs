//! `corelay compare claims` from outside: the claims that take sockets and no time are tried for real, and what is written about
//! them is read. What the machine does is its own matter: a verdict is looked for, not a certain one, but where the kernel
//! promises the outcome.

#[path = "support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "shared by several test targets, and each uses its own part of it"
)]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;
use support::{PATIENCE, Scratch, Server};

const VERDICTS: [&str; 3] = ["reproduced", "refuted", "not_testable"];

/// Runs `corelay compare claims` with these arguments; its standard error if it failed.
fn claims(arguments: &[&str]) -> Result<(), String> {
    let mut command = Server::bare_command();
    command.args(["compare", "claims"]).args(arguments);
    let finished = Server::run(command);
    if finished.code == 0 { Ok(()) } else { Err(finished.stderr) }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

#[test]
fn socket_claims_are_tried_and_written_as_json_and_shown_from_it() {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.path(name).display().to_string();
    claims(&["--only", "9,4", "--scale", "0.1", "--json", &path("f.json")]).expect("the claims are tried");

    let written = std::fs::read_to_string(path("f.json")).expect("the file is there");
    let found: Value = serde_json::from_str(&written).expect("it is JSON");
    let findings = list(&found["findings"]);
    let numbers: Vec<_> = findings.iter().map(|finding| finding["number"].as_u64()).collect();
    assert_eq!(numbers, [Some(4), Some(9)]);
    for finding in findings {
        assert!(VERDICTS.contains(&text(&finding["verdict"])), "{finding}");
        assert!(!list(&finding["evidence"]["checks"]).is_empty(), "{finding}");
        for table in list(&finding["evidence"]["tables"]) {
            let heads = list(&table["heads"]).len();
            assert!(list(&table["rows"]).iter().all(|row| list(row).len() == heads), "{table}");
        }
    }
    // TCP's promise, and what an abortive close gives up.
    let closing = list(&findings[1]["evidence"]["checks"]);
    assert_eq!(closing[0]["outcome"], "holds", "{}", closing[0]);
    assert_eq!(closing[1]["outcome"], "holds", "{}", closing[1]);

    claims(&["--from", &path("f.json"), "--markdown", &path("f.md"), "--html", &path("f.html")])
        .expect("what was written is shown");
    for name in ["f.md", "f.html"] {
        let page = std::fs::read_to_string(path(name)).expect("the page is there");
        assert!(page.contains(text(&found["date"])) && page.contains("SO_LINGER"), "{page}");
    }
}

/// What is compared must be the same server: both forms answer alike, and read a request however it comes.
#[test]
fn the_small_server_answers_alike_in_both_forms() {
    let answers = ["staged", "whole"].map(|form| {
        let mut command = Server::bare_command();
        command.args(["compare", "claims-part", "staged", form]);
        let server = Server::spawn(command);
        let mut connection = TcpStream::connect(server.address()).expect("it accepts");
        connection.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let mut answers = vec![exchange(&mut connection, &["GET / HTTP/1.1\r\nHo", "st: x\r\n\r\n"])];
        answers.push(exchange(&mut connection, &["GET / HTTP/1.1\r\nHost: x\r\n\r\n"]));
        connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut last = String::new();
        connection.read_to_string(&mut last).expect("it answers and closes");
        answers.push(last);
        answers
    });
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].iter().all(|answer| answer.starts_with("HTTP/1.1 200 OK\r\n")), "{answers:?}");
}

/// Writes a request in pieces and reads one answer.
fn exchange(connection: &mut TcpStream, pieces: &[&str]) -> String {
    for piece in pieces {
        connection.write_all(piece.as_bytes()).expect("it reads");
    }
    let (mut answer, mut piece) = (String::new(), [0; 512]);
    while !answer.ends_with("Hello, World!") {
        let count = connection.read(&mut piece).expect("it answers");
        assert_ne!(count, 0, "closed after {answer:?}");
        answer.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    answer
}

#[test]
fn wrong_arguments_are_named() {
    for (arguments, named) in
        [(["--only", "12"], "claim 12"), (["--scale", "x"], "--scale"), (["--from", "/nowhere"], "/nowhere")]
    {
        let error = claims(&arguments).expect_err(named);
        assert!(error.contains(named), "{error}");
    }
}
