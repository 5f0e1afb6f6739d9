//! `corelay-load-driver` from outside.

use crate::server::Server;
use corelay_load::{Group, Mix, Plan, Report};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn drive(input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corelay-load-driver"));
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_plan_goes_in_and_a_report_comes_out() {
    let server = Server::start();
    let mut plan = Plan::new(server.address);
    (plan.warm_up, plan.duration) = (Duration::ZERO, Duration::from_millis(100));
    plan.drain = Duration::from_secs(30);
    plan.groups.push(Group::open("g", 2, 100.0, Mix::only("/length")));
    let output = drive(&serde_json::to_vec(&plan).unwrap());
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.group("g").unwrap().total.answered, 10);
}

#[test]
fn what_is_no_plan_is_refused_in_words() {
    let output = drive(b"{}");
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no plan"), "{output:?}");
}

#[test]
fn connections_are_held_until_the_input_ends() {
    let server = Server::start();
    let mut plan = Plan::new(server.address);
    (plan.warm_up, plan.duration) = (Duration::ZERO, Duration::from_millis(100));
    plan.drain = Duration::from_secs(30);
    plan.groups.push(Group::open("g", 2, 100.0, Mix::only("/length")));
    let mut command = Command::new(env!("CARGO_BIN_EXE_corelay-load-driver"));
    let mut child = command.arg("--hold").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&serde_json::to_vec(&plan).unwrap()).unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        line
    };
    assert_eq!(line(), "open\n");
    assert_eq!(server.seen("/length"), 0);
    input.write_all(b"\n").unwrap();
    let report: Report = serde_json::from_str(&line()).unwrap();
    assert_eq!(report.group("g").unwrap().total.answered, 10);
    assert!(child.try_wait().unwrap().is_none() && server.open() == 2);
    drop(input);
    assert!(child.wait().unwrap().success());
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}
