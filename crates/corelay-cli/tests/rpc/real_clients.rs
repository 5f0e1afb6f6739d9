//! Clients that people use: curl, buf curl, connect-node and Python's connectrpc. None of them knows this project.
//!
//! `cargo xtask test` installs them first; the packages from npm and PyPI are in `target/clients`.

use crate::path;
use crate::support::{Engine, Scratch, Server};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

crate::on_every_engine!(
    curl_calls_by_post_and_get,
    buf_calls_every_kind_of_method,
    connect_node_calls_every_kind_of_method,
    python_calls_every_kind_of_method,
);

const INSTALL: &str = "cargo xtask install";

fn clients_directory() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("clients")
}

fn proto() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("proto")
}

/// Runs a client to its end; its output, standard error behind it.
fn run(command: &mut Command) -> (bool, String) {
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => panic!("{command:?} does not start: {error}\ninstall it: {INSTALL}"),
    };
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn curl_calls_by_post_and_get(engine: Engine) {
    let server = Server::start(engine, &[]);
    let url = format!("http://{}{}", server.address(), path("Draw"));
    let curl = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "60"]).args(arguments);
        run(&mut command).1
    };
    let json = "content-type: application/json";
    let drawn = curl(&["-H", json, "-d", r#"{"count": 2, "max": "1"}"#, &url]);
    assert_eq!(drawn, r#"{"numbers":["0","0"]}"#);
    let query = format!("{url}?encoding=json&message=%7B%22max%22%3A1%7D");
    assert_eq!(curl(&[&query]), r#"{"numbers":["0"]}"#);
    let squeezed = curl(&["--compressed", "-H", json, "-d", r#"{"count": 2000, "max": 1}"#, &url]);
    assert_eq!(squeezed.matches("\"0\"").count(), 2000);
    let refused = curl(&["-w", " %{http_code}", "-H", json, "-d", r#"{"count": 10001}"#, &url]);
    assert!(refused.contains("\"out_of_range\"") && refused.ends_with(" 400"), "{refused}");
}

fn buf_calls_every_kind_of_method(engine: Engine) {
    let server = Server::start(engine, &[]);
    let buf = |method: &str, data: &str| {
        let mut command = Command::new(clients_directory().join("node_modules/.bin/buf"));
        command.arg("curl").arg("--schema").arg(proto()).args(["--protocol", "connect", "--data", data]);
        command.arg(format!("http://{}{}", server.address(), path(method))).env("NO_PROXY", "*");
        run(&mut command)
    };
    let (ok, drawn) = buf("Draw", r#"{"count": 2, "max": 1}"#);
    assert!(ok && drawn.contains(r#""numbers""#), "{drawn}");
    let (ok, rolled) = buf("Roll", r#"{"count": 3, "sides": 1}"#);
    assert!(ok && rolled.matches("\"face\"").count() == 3, "{rolled}");
    let (ok, summed) = buf("Sum", r#"{"number": 3} {"number": 4}"#);
    assert!(ok && summed.contains(r#""7""#), "{summed}");
    let (ok, refused) = buf("Draw", r#"{"count": 10001}"#);
    assert!(!ok && refused.contains("out_of_range"), "{refused}");
}

/// The descriptor set of the demo's service.
fn descriptors(scratch: &Scratch) -> PathBuf {
    let descriptors = scratch.path("descriptors.binpb");
    let bin = clients_directory().join("node_modules/.bin/buf");
    let (ok, said) = run(Command::new(bin).arg("build").arg(proto()).arg("-o").arg(&descriptors));
    assert!(ok, "{said}");
    descriptors
}

fn connect_node_calls_every_kind_of_method(engine: Engine) {
    let server = Server::start(engine, &[]);
    let scratch = Scratch::new();
    let descriptors = descriptors(&scratch);
    // A module is looked for beside the script that imports it, so that is where the script goes.
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/connect_node_client.mjs");
    let beside = clients_directory().join(format!("connect_node_client_{}.mjs", server.id()));
    std::fs::copy(script, &beside).unwrap();
    let mut node = Command::new("node");
    let outcome = run(node.arg(&beside).arg(format!("http://{}", server.address())).arg(&descriptors));
    std::fs::remove_file(&beside).unwrap();
    assert!(outcome.0, "{}", outcome.1);
}

fn python_calls_every_kind_of_method(engine: Engine) {
    let server = Server::start(engine, &[]);
    let scratch = Scratch::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/connectrpc_client.py");
    let mut python = Command::new(clients_directory().join("venv/bin/python"));
    python.arg(script).arg(format!("http://{}", server.address())).arg(descriptors(&scratch));
    let (ok, said) = run(python.env("NO_PROXY", "*"));
    assert!(ok, "{said}");
}
