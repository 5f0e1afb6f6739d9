//! The admin listener tells what the server does, and changes something only for who shows the token.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::Value;

use crate::on_every_engine;
use crate::support::{Client, Engine, PATIENCE, Response, Scratch, Server};

on_every_engine!(
    it_tells_status_health_and_readiness,
    metrics_count_what_the_server_did,
    nothing_changes_without_the_token,
    who_shows_the_token_drains_the_server,
    who_shows_the_token_changes_the_log_level,
    it_answers_until_the_last_request_is_answered,
    it_listens_on_a_unix_socket,
    a_file_without_a_token_is_exit_2,
);

/// Where nothing takes a worker's place.
#[test]
fn it_answers_while_every_worker_is_stuck_in_a_handler() {
    let (server, admin) = start(Engine::POOL, &[]);
    let mut watcher = connect(admin);
    let mut stuck: Vec<_> = (0..2).map(|_| server.connect()).collect();
    stuck.iter_mut().for_each(|client| client.send("GET /sleep/60000 HTTP/1.1\r\nHost: test\r\n\r\n"));
    let begun = Instant::now();
    loop {
        let status: Value = serde_json::from_slice(&watcher.get("/status").body).expect("JSON");
        let workers = status["cores"].as_array().expect("a list of workers");
        // None are told of while it starts.
        if !workers.is_empty() && workers.iter().all(|worker| worker["in_handler"] == true) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{status}");
    }
    let mut waiting = server.connect();
    waiting.send("GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(get(admin, "/readyz").status, 200, "on a new connection too");
    assert!(!waiting.has_answer(), "nobody is left to serve");
}

const TOKEN: &str = "a-token-of-a-test-0123456789";

/// A server with an admin listener on a free port.
fn start(engine: Engine, flags: &[&str]) -> (Server, SocketAddr) {
    let mut command = Server::command(engine, flags);
    command.args(["--listen", "127.0.0.1:0", "--admin", "0"]);
    let server = Server::spawn(command);
    let address = server.admin().strip_prefix("http://").expect("a URL").parse().expect("an address");
    (server, address)
}

/// The same with a token.
fn start_with_token(engine: Engine, scratch: &Scratch, flags: &[&str]) -> (Server, SocketAddr) {
    let file = scratch.write("token", &format!("{TOKEN}\n"));
    let file = file.to_str().expect("a path in UTF-8");
    start(engine, &[flags, &["--admin-token-file", file]].concat())
}

fn connect(address: SocketAddr) -> Client {
    Client::new(TcpStream::connect(address).expect("the admin listener accepts"))
}

fn get(address: SocketAddr, path: &str) -> Response {
    connect(address).get(path)
}

fn post(address: SocketAddr, path: &str, token: Option<&str>, body: &str) -> Response {
    let mut client = connect(address);
    let shown = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = body.len();
    client
        .send(format!("POST {path} HTTP/1.1\r\nHost: test\r\n{shown}Content-Length: {length}\r\n\r\n{body}"));
    client.response()
}

fn it_tells_status_health_and_readiness(engine: Engine) {
    let (server, admin) = start(engine, &[]);
    assert_eq!(server.connect().get("/plaintext").status, 200);
    for path in ["/healthz", "/readyz", "/", "/log-level"] {
        assert_eq!(get(admin, path).status, 200, "{path}");
    }
    let status: Value = serde_json::from_slice(&get(admin, "/status").body).expect("JSON");
    assert_eq!(status["engine"], engine.name, "it tells of the server, not of itself");
    assert_eq!(get(admin, "/plaintext").status, 404, "the demo is not here");
    assert_eq!(server.connect().get("/metrics").status, 404, "nor this there");
    let mut command = Server::bare_command();
    command.args(["status", &admin.to_string()]);
    let shown = Server::run(command);
    assert!(shown.code == 0 && shown.stdout.contains(engine.name), "{}{}", shown.stdout, shown.stderr);
}

/// The value of a sample by its whole name, labels and all.
fn sample(page: &str, name: &str) -> Option<f64> {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.parse().ok()
}

/// The sum over what a family is labelled by.
fn sum(page: &str, family: &str) -> f64 {
    let lines = page.lines().filter_map(|line| line.strip_prefix(family)?.strip_prefix('{'));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

fn metrics_count_what_the_server_did(engine: Engine) {
    let (server, admin) = start(engine, &[]);
    let mut client = server.connect();
    (0..10).for_each(|_| assert_eq!(client.get("/plaintext").status, 200));
    let begun = Instant::now();
    // A thread counts a request when it is encoded, which may be after the client has asked here.
    let page = loop {
        let response = get(admin, "/metrics");
        let page = response.text().to_owned();
        assert_eq!(response.field("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        if sum(&page, "corelay_requests_total") >= 10.0 {
            break page;
        }
        assert!(begun.elapsed() < PATIENCE, "{page}");
    };
    assert_eq!(sum(&page, "corelay_requests_total"), 10.0, "its own requests are not among them");
    assert_eq!(sample(&page, "corelay_connections"), Some(1.0), "{page}");
    assert_eq!(sample(&page, "corelay_phase{phase=\"serving\"}"), Some(1.0), "{page}");
    assert_eq!(sample(&page, "corelay_ready"), Some(1.0), "{page}");
    assert!(sample(&page, "process_resident_memory_bytes") > Some(1e6), "{page}");
    assert!(sample(&page, "process_threads") > Some(2.0), "{page}");
}

fn nothing_changes_without_the_token(engine: Engine) {
    let scratch = Scratch::new();
    let (server, admin) = start_with_token(engine, &scratch, &[]);
    for token in [None, Some("a-token-of-a-test-0123456780"), Some("")] {
        for path in ["/drain", "/log-level"] {
            let refused = post(admin, path, token, "debug");
            assert_eq!(refused.status, 401, "{path} {token:?}");
            assert!(refused.field("www-authenticate").is_some(), "{:?}", refused.fields);
        }
    }
    assert_eq!(get(admin, "/drain").status, 405);
    assert_eq!(get(admin, "/log-level").text(), "info\n");
    assert_eq!(sample(get(admin, "/metrics").text(), "corelay_admin_refused_total"), Some(6.0));
    let (other, tokenless) = start(engine, &[]);
    assert_eq!(post(tokenless, "/drain", Some(TOKEN), "").status, 403, "without a file nobody has a token");
    assert!(
        server.connect().get("/plaintext").status == 200 && other.connect().get("/plaintext").status == 200
    );
}

fn who_shows_the_token_drains_the_server(engine: Engine) {
    let scratch = Scratch::new();
    let (server, admin) = start_with_token(engine, &scratch, &[]);
    assert_eq!(post(admin, "/drain", Some(TOKEN), "").status, 202);
    let finished = server.wait();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
}

fn who_shows_the_token_changes_the_log_level(engine: Engine) {
    let scratch = Scratch::new();
    let (server, admin) = start_with_token(engine, &scratch, &["--access-log", "--log-level", "warn"]);
    assert_eq!(server.connect().get("/plaintext?too-fine").status, 200);
    assert_eq!(post(admin, "/log-level", Some(TOKEN), "loud").status, 400);
    let set = post(admin, "/log-level", Some(TOKEN), "info\n");
    assert_eq!((set.status, set.text(), get(admin, "/log-level").text()), (200, "info\n", "info\n"));
    assert_eq!(server.connect().get("/plaintext?told").status, 200);
    server.signal(Signal::TERM);
    let log = server.wait().stderr;
    assert!(log.contains("?told") && !log.contains("?too-fine"), "{log}");
}

fn it_answers_until_the_last_request_is_answered(engine: Engine) {
    let (server, admin) = start(engine, &[]);
    let mut watcher = connect(admin);
    let mut client = server.connect();
    client.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\na");
    // It is being served, and so is in flight when the drain begins.
    let begun = Instant::now();
    while serde_json::from_slice::<Value>(&watcher.get("/status").body).expect("JSON")["connections"] != 1 {
        assert!(begun.elapsed() < PATIENCE);
    }
    server.signal(Signal::TERM);
    let mut readiness = watcher.get("/readyz");
    while readiness.text() != "draining\n" {
        assert!(begun.elapsed() < PATIENCE, "{}", readiness.text());
        readiness = watcher.get("/readyz");
    }
    assert_eq!(readiness.status, 503);
    assert_eq!(watcher.get("/healthz").status, 200);
    client.send("b");
    assert_eq!(client.response().text(), "2");
    assert_eq!(server.wait().code, 0);
}

fn it_listens_on_a_unix_socket(engine: Engine) {
    let scratch = Scratch::new();
    let path = scratch.path("admin");
    let admin = format!("unix:{}", path.display());
    let mut command: Command = Server::command(engine, &["--listen", "127.0.0.1:0"]);
    command.args(["--admin", &admin]);
    let server = Server::spawn(command);
    assert_eq!(server.admin(), admin);
    let mut client = Client::over(UnixStream::connect(&path).expect("the admin listener accepts"));
    let begun = Instant::now();
    while client.get("/readyz").text() != "ready\n" {
        assert!(begun.elapsed() < PATIENCE, "its admin listener is there first, and then the server");
    }
    let mut status = Server::bare_command();
    status.args(["status", &admin]);
    assert_eq!(Server::run(status).code, 0);
}

fn a_file_without_a_token_is_exit_2(engine: Engine) {
    let scratch = Scratch::new();
    let file = scratch.write("token", "short\n");
    let mut command = Server::command(engine, &["--listen", "127.0.0.1:0", "--admin", "0"]);
    command.arg("--admin-token-file").arg(&file);
    let finished = Server::run(command);
    assert!(
        finished.code == 2 && finished.stderr.contains("token"),
        "{}: {}",
        finished.code,
        finished.stderr
    );
}
