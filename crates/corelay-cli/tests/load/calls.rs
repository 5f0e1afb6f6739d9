//! `--rpc`: calls of the Connect protocol on the real server, and on one that fails every second of them.

use crate::invocation::{Loaded, command, load};
use crate::peer::{Habit, Peer};
use crate::support::{Engine, Scratch, Server};

const DRAW: &str = "corelay.demo.v1.RandomService/Draw";
const PACED: [&str; 8] = ["--connections", "4", "--rate", "200", "--duration", "300ms", "--warm-up", "0"];

fn on_the_demo(flags: &[&str]) -> Loaded {
    let server = Server::start(Engine::CORES_PER_CORE, &[]);
    load(&[&[server.address().to_string().as_str()], flags, &PACED].concat())
}

fn calls_on_the_demo(flags: &[&str]) -> Loaded {
    let loaded = on_the_demo(&[&["--rpc", DRAW], flags].concat());
    let finished = &loaded.finished;
    assert_eq!((finished.code, loaded.total("requests")), (0, 60), "{}{}", finished.stdout, finished.stderr);
    assert_eq!(loaded.total("answered"), 60, "{}", finished.stdout);
    loaded
}

#[test]
fn calls_are_answered_in_json_and_in_proto() {
    let loaded = calls_on_the_demo(&["--data", r#"{"count":3,"max":1}"#]);
    // In JSON, 64-bit numbers are text.
    assert_eq!(loaded.total("body_bytes"), 60 * r#"{"numbers":["0","0","0"]}"#.len() as u64);
    assert_eq!(loaded.group()["paths"][0]["path"], DRAW);
    assert!(loaded.finished.stdout.contains(&format!("calls of {DRAW}")), "{}", loaded.finished.stdout);

    let scratch = Scratch::new();
    // Field 1 is 3, field 2 is 1.
    let message = format!("@{}", scratch.write("message", "\x08\x03\x10\x01").display());
    let proto = ["--header", "Content-Type: application/proto", "--data", &message];
    let loaded = calls_on_the_demo(&proto);
    // Field 1 is packed: a tag, a length, three numbers.
    assert_eq!(loaded.total("body_bytes"), 60 * 5);
}

#[test]
fn calls_go_with_pipelining_processes_and_new_connections() {
    calls_on_the_demo(&["--pipeline", "4", "--requests-per-connection", "3"]);
    let loaded = on_the_demo(&["--rpc", DRAW, "--processes", "2", "--source", "127.0.0.0/8"]);
    // Each process rounds its own moments: the last of one may fall outside.
    assert!((58..=62).contains(&loaded.total("answered")), "{}", loaded.finished.stdout);
}

#[test]
fn what_the_service_refuses_is_counted_by_code() {
    let loaded = on_the_demo(&["--rpc", DRAW, "--data", r#"{"count":10001}"#]);
    let finished = &loaded.finished;
    assert_eq!((finished.code, loaded.total("answered"), loaded.errors("rpc")), (1, 0, 60));
    assert_eq!(loaded.group()["codes"]["out_of_range"], 60);
    assert!(finished.stdout.contains("  out_of_range "), "{}", finished.stdout);
    assert!(finished.stderr.contains("had the answer it asked for"), "{}", finished.stderr);
    let loaded = on_the_demo(&["--rpc", "corelay.demo.v1.RandomService/Drew"]);
    assert_eq!(loaded.group()["codes"]["unimplemented"], 60, "{}", loaded.finished.stdout);
}

#[test]
fn a_server_that_speaks_no_rpc_has_answered_no_call() {
    let peer = Peer::start(Habit::Answer);
    let loaded = load(&[&[&*peer.url(), "--rpc", DRAW], &PACED[..]].concat());
    assert_eq!((loaded.finished.code, loaded.errors("rpc")), (1, 60), "{}", loaded.finished.stdout);
    assert_eq!((&loaded.group()["codes"]["unknown"], peer.requests()), (&60.into(), 60));
}

#[test]
fn errors_are_in_the_summary_the_json_and_the_page() {
    let (peer, scratch) = (Peer::start(Habit::FailEverySecondCall), Scratch::new());
    let page = scratch.path("found.html").display().to_string();
    let flags = ["--rpc", DRAW, "--html", &page, "--fail-on", "errors>40%"];
    let loaded = load(&[&[&*peer.url()], &flags[..], &PACED].concat());
    let finished = &loaded.finished;
    assert_eq!((finished.code, loaded.total("answered"), loaded.errors("rpc")), (1, 30, 30));
    assert!(finished.stderr.contains("--fail-on errors>40%: it is 50.000 %"), "{}", finished.stderr);
    assert_eq!((&loaded.group()["codes"]["resource_exhausted"], peer.requests()), (&30.into(), 60));
    for line in ["Error codes of calls", "  resource_exhausted ", "30   calls were answered with an error"] {
        assert!(finished.stdout.contains(line), "no {line:?} in\n{}", finished.stdout);
    }
    // An error leaves its connection open: one looked whether somebody is there, and four had the load.
    assert_eq!(peer.connections(), 1 + 4);
    let page = std::fs::read_to_string(page).expect("it was written");
    assert!(page.contains("error code resource_exhausted"), "{page}");
}

#[test]
fn a_mix_may_have_calls_beside_requests() {
    let scratch = Scratch::new();
    let text = format!(
        "[[request]]\npath = '/plaintext'\n[[request]]\nrpc = '{DRAW}'\ndata = '{{\"count\":10001}}'\n"
    );
    let mix = scratch.write("mix.toml", &text).display().to_string();
    let loaded = on_the_demo(&["--mix", &mix]);
    let (answered, failed) = (loaded.total("answered"), loaded.errors("rpc"));
    assert!(answered > 0 && failed > 0 && answered + failed == 60, "{}", loaded.finished.stdout);
    assert_eq!(loaded.group()["codes"]["out_of_range"], failed);
    let paths = loaded.group()["paths"].as_array().expect("paths");
    assert_eq!((&paths[0]["path"], &paths[1]["path"]), (&"/plaintext".into(), &DRAW.into()));
}

#[test]
fn wrong_calls_are_exit_2_and_name_flag_value_and_what_is_allowed() {
    for (flags, named) in [
        (&["--rpc", "Draw"][..], "invalid value 'Draw' for --rpc: expected SERVICE/METHOD"),
        (&["--rpc", DRAW, "--data", "{count:5}"], "'{count:5}' for --data: expected a message in JSON"),
        (&["--rpc", DRAW, "--data", "@/nowhere/x"], "the file of --data, /nowhere/x: "),
        (&["--rpc", DRAW, "--path", "/x"], "--rpc cannot be used with --path"),
        (&["--data", "{}"], "--data means nothing without --rpc"),
    ] {
        let finished = Server::run(command(&[&["127.0.0.1:1"], flags].concat()));
        assert!(finished.code == 2 && finished.stderr.contains(named), "{flags:?}: {}", finished.stderr);
    }
    let finished = Server::run(command(&["127.0.0.1:1/a?b=c", "--rpc", DRAW]));
    assert!(finished.code == 2 && finished.stderr.contains("for URL: expected"), "{}", finished.stderr);
}
