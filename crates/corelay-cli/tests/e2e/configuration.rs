//! Settings come from flags, then `CORELAY_*` variables, then a TOML file; a bad one names itself, its value and what is
//! allowed, and nothing is served.

use std::process::Command;

use crate::on_every_engine;
use crate::support::{Engine, Scratch, Server};

on_every_engine!(
    a_flag_beats_a_variable_beats_the_file,
    every_source_alone_is_enough,
    a_bad_value_names_flag_value_and_what_is_allowed,
    a_mistake_in_the_file_is_named,
    an_unknown_flag_is_refused,
    help_names_every_setting,
);

/// The largest body that the server takes, of the three that the sources name.
fn body_limit(command: Command) -> usize {
    let server = Server::spawn(command);
    let taken =
        |length: &usize| server.connect().request("POST", "/echo", &vec![b'x'; *length]).status == 200;
    [30, 20, 10].into_iter().find(taken).expect("one of the limits holds")
}

fn a_flag_beats_a_variable_beats_the_file(engine: Engine) {
    let scratch = Scratch::new();
    let file = scratch.write("corelay.toml", "listen = ['127.0.0.1:0']\nmax-body-bytes = 10\n");
    let from_file = || {
        let mut command = Server::command(engine, &[]);
        command.arg("--config").arg(&file);
        command
    };
    assert_eq!(body_limit(from_file()), 10);
    let mut with_variable = from_file();
    with_variable.env("CORELAY_MAX_BODY_BYTES", "20");
    assert_eq!(body_limit(with_variable), 20);
    let mut with_flag = from_file();
    with_flag.env("CORELAY_MAX_BODY_BYTES", "20").args(["--max-body-bytes", "30"]);
    assert_eq!(body_limit(with_flag), 30);
}

fn every_source_alone_is_enough(engine: Engine) {
    let scratch = Scratch::new();
    let mut variable = Server::command(engine, &[]);
    variable.env("CORELAY_LISTEN", "127.0.0.1:0,127.0.0.2:0");
    assert_eq!(Server::spawn_with_listeners(variable, 2).connect().get("/plaintext").status, 200);
    let mut file = Server::command(engine, &[]);
    file.env("CORELAY_CONFIG", scratch.write("corelay.toml", "listen = '127.0.0.1:0'\nlog = 'off'\n"));
    assert_eq!(Server::spawn(file).connect().get("/plaintext").status, 200);
}

fn a_bad_value_names_flag_value_and_what_is_allowed(engine: Engine) {
    for (flag, value, allowed) in [
        ("--engine", "corse", "cores"),
        ("--accept", "random", "round-robin"),
        ("--pin", "maybe", "auto"),
        ("--cores", "0", "1 or more"),
        ("--cpus", "3-1", "0,2-3"),
        ("--listen", "localhost", "127.0.0.1:8080"),
        ("--idle-timeout", "soon", "10s"),
        ("--max-body-bytes", "lots", "bytes"),
        ("--max-connections", "-1", "1 or more"),
        ("--backlog", "x", "whole number"),
        ("--log", "xml", "json"),
    ] {
        let mut command = Server::bare_command();
        command.args(["serve", &format!("{flag}={value}")]);
        if !["--engine", "--accept"].contains(&flag) {
            command.args(engine.flags);
        }
        let finished = Server::run(command);
        assert_eq!(finished.code, 2, "{flag}={value}: {}", finished.stderr);
        for part in [flag, value, allowed] {
            assert!(finished.stderr.contains(part), "{part:?} is not in {:?}", finished.stderr);
        }
        let mut command = Server::command(engine, &[]);
        let variable = flag.trim_start_matches('-').replace('-', "_").to_uppercase();
        command.env(format!("CORELAY_{variable}"), value);
        assert_eq!(
            Server::run(command).code,
            2,
            "the same in the environment, also where a flag overrides it: {flag}"
        );
    }
}

fn a_mistake_in_the_file_is_named(engine: Engine) {
    let scratch = Scratch::new();
    for (text, named) in [
        ("max-body-bites = 1", "max-body-bites"),
        ("idle-timeout = 'soon'", "soon"),
        ("listen = ", "TOML"),
        ("accept = ['per-core', 'dispatch']", "accept"),
    ] {
        let file = scratch.write("corelay.toml", text);
        let mut command = Server::command(engine, &[]);
        command.arg("--config").arg(&file);
        let finished = Server::run(command);
        assert_eq!(finished.code, 2, "{text}: {}", finished.stderr);
        let stderr = &finished.stderr;
        assert!(stderr.contains(named) && stderr.contains("corelay.toml"), "{text}: {stderr}");
    }
    let mut command = Server::command(engine, &[]);
    command.arg("--config").arg(scratch.path("absent.toml"));
    let finished = Server::run(command);
    assert!(finished.code == 2 && finished.stderr.contains("absent.toml"), "{}", finished.stderr);
}

fn an_unknown_flag_is_refused(engine: Engine) {
    let finished = Server::run(Server::command(engine, &["--max-conections", "1"]));
    assert!(finished.code == 2 && finished.stderr.contains("--max-conections"), "{}", finished.stderr);
}

fn help_names_every_setting(engine: Engine) {
    let finished = Server::run(Server::command(engine, &["--help"]));
    assert_eq!(finished.code, 0);
    for flag in [
        "listen",
        "engine",
        "cores",
        "cpus",
        "pin",
        "accept",
        "max-connections",
        "max-connections-per-peer",
        "max-head-bytes",
        "max-headers",
        "max-target-bytes",
        "max-body-bytes",
        "max-buffered-body-bytes",
        "max-pipelined",
        "max-unread-body-bytes",
        "max-service-threads",
        "head-timeout",
        "body-timeout",
        "min-body-rate",
        "idle-timeout",
        "write-timeout",
        "min-write-rate",
        "linger-timeout",
        "backlog",
        "notsent-lowat",
        "defer-accept",
        "abortive-close",
        "drain",
        "drain-delay",
        "log",
        "access-log",
        "config",
    ] {
        assert!(finished.stdout.contains(&format!("--{flag}")), "--{flag} is not in the help");
    }
}
