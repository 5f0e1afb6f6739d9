//! `corelay compare`: servers and drivers of its own, a table, JSON and a page; and what it says when a server fails it.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use serde_json::Value;

use crate::support::{Engine, Finished, Scratch, Server};

/// Runs it for a third of a second each, and gives what it wrote as JSON.
fn compare(scratch: &Scratch, arguments: &[&str]) -> (Finished, Value) {
    let path = scratch.path("compared.json");
    let mut command = Server::bare_command();
    command.arg("compare").args(arguments).args(["--rounds", "1"]).arg("--json").arg(&path);
    if !arguments.contains(&"--seconds") {
        command.args(["--seconds", "0.3"]);
    }
    let finished = Server::run(command);
    let json = fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str(&text).ok());
    (finished, json.unwrap_or(Value::Null))
}

fn servers(json: &Value) -> &Vec<Value> {
    json["scenarios"][0]["servers"].as_array().expect("a list of servers")
}

/// A server that answers whatever it is asked with these bytes, and closes.
fn server_that_says(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    // Ends with the test's process.
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(bytes);
        }
    });
    address
}

#[test]
fn keepalive_is_measured_on_every_engine() {
    let scratch = Scratch::new();
    let page = scratch.path("compared.html");
    let page = page.to_str().expect("the path is UTF-8");
    let (finished, json) =
        compare(&scratch, &["keepalive", "--connections", "8", "--seconds", "2", "--html", page]);
    assert_eq!(finished.code, 0, "{}{}", finished.stdout, finished.stderr);
    let names: Vec<_> =
        servers(&json).iter().map(|server| server["server"].as_str().expect("a name")).collect();
    assert_eq!(names, ["cores", "threads", "pool"]);
    for server in servers(&json) {
        let sample = &server["samples"][0];
        let above_zero = |value: &Value| value.as_f64().is_some_and(|number| number > 0.0);
        for figure in ["per_second", "cpu_us", "switches"] {
            assert!(sample[figure].is_number(), "{figure}: {server}");
        }
        assert!(above_zero(&sample["per_second"]) && above_zero(&sample["cpu_us"]), "{server}");
        assert!(above_zero(&sample["latency"]["p99_99"]) && sample["errors"]["reset"] == 0, "{server}");
        let memory = &sample["memory"];
        for figure in
            ["resident_bytes", "kernel_stack_bytes", "page_table_bytes", "address_space_bytes", "threads"]
        {
            assert!(above_zero(&memory[figure]), "{figure}: {server}");
        }
    }
    assert_eq!((&json["is_partial"], &json["rounds"]), (&false.into(), &1.into()));
    assert!(json["machine"]["kernel"].is_string() && json["machine"]["mitigations"].is_object(), "{json}");
    let autogroup = fs::read_to_string("/proc/sys/kernel/sched_autogroup_enabled").ok();
    let autogroup: Value = autogroup.map(|switch| switch.trim() == "1").into();
    assert_eq!(json["machine"]["autogroup"], autogroup);
    assert_eq!(finished.stdout.contains("autogroup on"), autogroup == true, "{}", finished.stdout);
    for word in ["cores", "threads", "pool", "requests/s", "p99.99 ms", "CPU/request", "kernel stacks MB"] {
        assert!(finished.stdout.contains(word), "{word}:\n{}", finished.stdout);
    }
    let html = fs::read_to_string(page).expect("the page was written");
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("<svg") && html.ends_with("</html>\n"));
}

#[test]
fn the_paced_experiment_is_made_with_calls_on_every_engine() {
    let scratch = Scratch::new();
    let page = scratch.path("compared.html");
    let page = page.to_str().expect("the path is UTF-8");
    let (finished, json) = compare(&scratch, &["paced", "--rpc", "--connections", "40", "--html", page]);
    assert_eq!(finished.code, 0, "{}{}", finished.stdout, finished.stderr);
    let draw = "corelay.demo.v1.RandomService/Draw";
    assert_eq!((&json["rpc"], servers(&json).len()), (&draw.into(), 3));
    for server in servers(&json) {
        let sample = &server["samples"][0];
        assert!(sample["per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{server}");
        assert_eq!(
            (&sample["errors"]["rpc"], &sample["groups"][0]["paths"][0]["path"]),
            (&0.into(), &draw.into())
        );
    }
    let asked = json["asked"].as_str().expect("the command");
    assert!(asked.starts_with("corelay compare paced --rpc --connections 40"), "{asked}");
    let html = fs::read_to_string(page).expect("the page was written");
    for told in [&format!("each request is a call of {draw}, in JSON"), asked] {
        assert!(html.contains(told), "{told}: {html}");
    }
}

#[test]
fn a_server_without_the_service_is_told_so() {
    let scratch = Scratch::new();
    let url = format!("http://{}", server_that_says(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
    let arguments = ["keepalive", "--rpc", "--connections", "4", "--engines", "pool", "--against", &url];
    let (finished, json) = compare(&scratch, &arguments);
    assert_eq!(finished.code, 1, "{}{}", finished.stdout, finished.stderr);
    let why = "404 Not Found";
    assert!(
        finished.stdout.contains(why) && finished.stdout.contains("POST /corelay.demo"),
        "{}",
        finished.stdout
    );
    assert!(servers(&json)[0]["samples"][0]["per_second"].is_number());
}

#[test]
fn idle_connections_are_counted_by_what_they_add() {
    let scratch = Scratch::new();
    let (finished, json) = compare(&scratch, &["idle", "--connections", "40", "--engines", "threads,pool"]);
    assert_eq!(finished.code, 0, "{}{}", finished.stdout, finished.stderr);
    for server in servers(&json) {
        let sample = &server["samples"][0];
        let steps = sample["steps"].as_array().expect("a list of steps");
        let connections: Vec<_> = steps.iter().map(|step| step["connections"].as_u64()).collect();
        assert_eq!(connections, [0, 10, 20, 30, 40].map(Some));
        assert!(sample["bytes_per_connection"].is_number() && sample["per_second"].is_null(), "{server}");
    }
    let threads = &servers(&json)[0]["samples"][0];
    // A stack in the kernel, at the least.
    assert!(threads["bytes_per_connection"].as_f64().is_some_and(|bytes| bytes > 16_000.0), "{threads}");
}

#[test]
fn a_connection_is_opened_anew_for_each_request_and_pipelining_has_many_out() {
    let scratch = Scratch::new();
    let (finished, json) = compare(&scratch, &["churn", "--connections", "4", "--engines", "cores"]);
    assert_eq!(finished.code, 0, "{}{}", finished.stdout, finished.stderr);
    let cases: Vec<_> =
        json["scenarios"].as_array().expect("a list").iter().map(|case| &case["name"]).collect();
    assert_eq!(cases, ["churn-1", "churn-10"]);
    let (finished, json) = compare(&scratch, &["pipelined", "--connections", "4", "--engines", "cores"]);
    assert_eq!(finished.code, 0, "{}{}", finished.stdout, finished.stderr);
    assert_eq!(servers(&json)[0]["samples"][0]["errors"]["bad_framing"], 0);
}

#[test]
fn a_server_that_runs_elsewhere_is_one_more_column() {
    let (scratch, server) = (Scratch::new(), Server::start(Engine::CORES_PER_CORE, &[]));
    let url = format!("http://{}/json", server.address());
    let (finished, json) =
        compare(&scratch, &["keepalive", "--connections", "4", "--engines", "cores", "--against", &url]);
    assert_eq!(finished.code, 0, "{}{}", finished.stdout, finished.stderr);
    let other = &servers(&json)[1];
    assert_eq!(other["server"], server.address().to_string().as_str());
    assert!(
        other["samples"][0]["per_second"].is_number() && other["samples"][0]["cpu_us"].is_null(),
        "{other}"
    );
    assert_eq!(other["samples"][0]["groups"][0]["paths"][0]["path"], "/json");
}

#[test]
fn a_command_is_started_on_a_port_and_its_children_are_counted() {
    let scratch = Scratch::new();
    // Not the last command of its line, so the shell stays, and the server is its child.
    let command =
        format!("{} serve --cores 1 --listen 127.0.0.1:{{port}} ; true", env!("CARGO_BIN_EXE_corelay"));
    let arguments = ["keepalive", "--connections", "4", "--engines", "pool", "--against-cmd", &command];
    let (finished, json) = compare(&scratch, &[&arguments[..], &["--path", "/json"]].concat());
    assert_eq!(finished.code, 0, "{}{}", finished.stdout, finished.stderr);
    let sample = &servers(&json)[1]["samples"][0];
    assert_eq!(sample["groups"][0]["paths"][0]["path"], "/json");
    assert!(sample["cpu_us"].as_f64().is_some_and(|us| us > 0.0), "{sample}");
    assert!(sample["memory"]["threads"].as_u64().is_some_and(|threads| threads >= 3), "{sample}");
}

#[test]
fn a_server_that_speaks_no_http_fails_and_the_others_are_kept() {
    let scratch = Scratch::new();
    let url = format!("http://{}", server_that_says(b"SSH-2.0-x\r\n"));
    let arguments = ["keepalive", "--connections", "4", "--engines", "cores", "--against", &url];
    let (finished, json) = compare(&scratch, &arguments);
    assert_eq!(finished.code, 1, "{}{}", finished.stdout, finished.stderr);
    assert!(
        finished.stdout.contains("failed in round 1") && finished.stdout.contains("SSH-2.0-x"),
        "{}",
        finished.stdout
    );
    assert!(finished.stderr.contains("partial"), "{}", finished.stderr);
    assert_eq!((&json["is_partial"], &servers(&json)[1]["is_partial"]), (&true.into(), &true.into()));
    assert!(servers(&json)[0]["samples"][0]["per_second"].is_number());
}

#[test]
fn a_server_without_the_route_is_told_so() {
    let scratch = Scratch::new();
    let url = format!("http://{}", server_that_says(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
    let (finished, _) =
        compare(&scratch, &["blocking", "--connections", "4", "--engines", "cores", "--against", &url]);
    assert_eq!(finished.code, 1);
    assert!(
        finished.stdout.contains("404 Not Found") && finished.stdout.contains("/plaintext"),
        "{}",
        finished.stdout
    );
}

#[test]
fn a_command_that_is_none_is_told_with_its_last_words() {
    let scratch = Scratch::new();
    let arguments =
        ["keepalive", "--connections", "4", "--engines", "cores", "--against-cmd", "no-such-server {port}"];
    let (finished, json) = compare(&scratch, &arguments);
    assert_eq!(finished.code, 1);
    assert!(
        finished.stdout.contains("ended at once") && finished.stdout.contains("not found"),
        "{}",
        finished.stdout
    );
    assert!(servers(&json)[1]["failed"]["why"].is_string(), "{json}");
}

/// Its time to live is a second, of which some is gone before the load begins: it is over within the run, or before.
#[test]
fn a_server_that_dies_in_the_middle_is_told_and_what_was_found_is_kept() {
    let scratch = Scratch::new();
    let command = format!("timeout 1 {} serve --listen 127.0.0.1:{{port}}", env!("CARGO_BIN_EXE_corelay"));
    let arguments = [
        "keepalive",
        "--connections",
        "4",
        "--engines",
        "pool",
        "--seconds",
        "1.5",
        "--against-cmd",
        &command,
    ];
    let (finished, json) = compare(&scratch, &arguments);
    assert_eq!(finished.code, 1, "{}{}", finished.stdout, finished.stderr);
    assert!(
        finished.stdout.contains("timeout failed in round 1") && finished.stdout.contains("ended"),
        "{}",
        finished.stdout
    );
    assert_eq!(
        (&servers(&json)[0]["is_partial"], &servers(&json)[1]["is_partial"]),
        (&false.into(), &true.into())
    );
}

#[test]
fn a_wrong_argument_is_exit_2() {
    for (arguments, told) in [
        (&["keepalives"][..], "'keepalives'"),
        (&["keepalive", "--rounds", "many"], "--rounds"),
        (&["keepalive", "--engines", "fast"], "'fast'"),
        (&["keepalive", "--against", "127.0.0.1:80"], "http://HOST:PORT"),
        (&["keepalive", "--against-cmd", "true"], "{port}"),
        (&["idle", "--rpc"], "expected one of keepalive, pipelined, churn, paced"),
        (&[], "SCENARIO"),
    ] {
        let mut command = Server::bare_command();
        command.arg("compare").args(arguments);
        let finished = Server::run(command);
        assert!(finished.code == 2 && finished.stderr.contains(told), "{told}: {}", finished.stderr);
    }
}
