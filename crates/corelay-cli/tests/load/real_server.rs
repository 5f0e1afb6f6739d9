//! `corelay load` and `corelay serve`, as people will use them together.

use crate::invocation::{Loaded, load};
use crate::peer::{Habit, Peer};
use crate::support::{Engine, Scratch, Server};

const SHORT: [&str; 4] = ["--duration", "300ms", "--warm-up", "0"];

fn on_the_demo(path: &str, flags: &[&str]) -> Loaded {
    let server = Server::start(Engine::CORES_PER_CORE, &[]);
    let url = format!("http://{}{path}", server.address());
    let loaded = load(&[&[&*url], flags, &SHORT].concat());
    assert_eq!(loaded.finished.code, 0, "{}{}", loaded.finished.stdout, loaded.finished.stderr);
    assert_eq!(loaded.total("answered"), loaded.total("requests"), "{}", loaded.finished.stdout);
    loaded
}

#[test]
fn a_closed_loop_and_its_summary() {
    let loaded = on_the_demo("/plaintext", &["--connections", "8"]);
    assert!(loaded.total("answered") > 0);
    for line in ["8 connections, closed loop", "Latency", "p99.99", "Status codes", "  200 ", "Received"] {
        assert!(loaded.finished.stdout.contains(line), "no {line:?} in\n{}", loaded.finished.stdout);
    }
}

#[test]
fn an_open_loop_sends_what_is_due_and_no_more() {
    let loaded = on_the_demo("/plaintext", &["--connections", "10", "--rate-per-connection", "20"]);
    assert_eq!(loaded.total("requests"), 60);
    assert!(loaded.finished.stdout.contains("Sent after it was due"), "{}", loaded.finished.stdout);
}

#[test]
fn methods_headers_and_bodies_arrive() {
    let scratch = Scratch::new();
    let body = scratch.write("body", "0123456789");
    let body = format!("@{}", body.display());
    let rate = ["--rate", "100", "--connections", "3"];
    let loaded = on_the_demo("/echo", &[&["--body", &body, "--header", "X-Test: yes"], &rate[..]].concat());
    assert_eq!((loaded.total("requests"), loaded.total("body_bytes")), (30, 300));
    // An answer to HEAD says the length of a body that it has not.
    let loaded = on_the_demo("/plaintext", &[&["--method", "HEAD"], &rate[..]].concat());
    assert_eq!((loaded.total("requests"), loaded.total("body_bytes")), (30, 0));
}

#[test]
fn pipelined_requests_have_an_answer_each() {
    let loaded = on_the_demo("/plaintext", &["--connections", "2", "--pipeline", "16"]);
    assert!(loaded.total("answered") >= 32);
}

#[test]
fn connections_are_opened_anew_after_so_many_requests() {
    let flags = ["--connections", "4", "--rate", "200", "--requests-per-connection", "3"];
    on_the_demo("/plaintext", &flags);
    let peer = Peer::start(Habit::Answer);
    let loaded = load(&[&[&*peer.url()], &flags[..], &SHORT].concat());
    assert_eq!((loaded.finished.code, loaded.total("answered")), (0, 60), "{}", loaded.finished.stderr);
    // Fifteen requests on each of the four, three on a socket.
    assert_eq!(peer.connections(), 20 + 1);
}

#[test]
fn a_mix_is_drawn_by_weight_and_told_by_request() {
    let scratch = Scratch::new();
    let mix = scratch.write(
        "mix.toml",
        "[[request]]\npath = '/plaintext'\nweight = 3\n[[request]]\nmethod = 'POST'\npath = '/echo'\nbody = 'abc'\n",
    );
    let loaded =
        on_the_demo("/", &["--mix", &mix.display().to_string(), "--rate", "500", "--connections", "5"]);
    let paths = loaded.group()["paths"].as_array().expect("paths");
    let of = |index: usize| paths[index]["total"]["answered"].as_u64().expect("a count");
    assert_eq!((&paths[0]["path"], &paths[1]["path"]), (&"/plaintext".into(), &"POST /echo".into()));
    assert!(of(0) > of(1) && of(1) > 0 && of(0) + of(1) == 150, "{} {}", of(0), of(1));
}

#[test]
fn several_processes_and_sources_are_one_result() {
    let flags = ["--connections", "7", "--rate", "700", "--processes", "3", "--source", "127.0.0.0/8"];
    let loaded = on_the_demo("/plaintext", &flags);
    // Each process rounds its own moments: the last of one may fall outside.
    assert!((207..=213).contains(&loaded.total("requests")), "{}", loaded.finished.stdout);
    assert_eq!(loaded.json["report"]["driver"]["processes"], 3);
    assert!(loaded.finished.stdout.contains("3 processes"), "{}", loaded.finished.stdout);
}

#[test]
fn frames_come_back() {
    let peer = Peer::start(Habit::EchoFrames);
    let address = peer.address.to_string();
    let flags = ["--framed", "--body", "ping", "--rate", "100", "--connections", "2", "--pipeline", "4"];
    let loaded = load(&[&[&*address], &flags[..], &SHORT].concat());
    assert_eq!(loaded.finished.code, 0, "{}", loaded.finished.stderr);
    assert_eq!((loaded.total("answered"), loaded.total("body_bytes"), peer.requests()), (30, 120, 30));
}
