//! What goes wrong is said, and what was found until then is kept.

use std::net::TcpListener;

use crate::invocation::load;
use crate::peer::{Habit, Peer};

/// Longer than any test: these runs end because something is wrong.
const LONG: [&str; 6] = ["--duration", "10m", "--warm-up", "0", "--connections", "4"];

#[test]
fn wrong_arguments_name_flag_value_and_what_is_allowed() {
    for (arguments, named) in [
        (&["127.0.0.1:1", "--connections", "0"][..], "'0' for --connections: expected a whole number from 1"),
        (&["127.0.0.1:1", "--duration", "soon"], "'soon' for --duration: expected a duration above zero"),
        (&["127.0.0.1:1", "--rate", "5", "--closed"], "--closed cannot be used with --rate"),
        (&["127.0.0.1:1", "--fail-on", "p99"], "'p99' for --fail-on: expected conditions"),
        (&["https://127.0.0.1/"], "'https://127.0.0.1/' for URL: expected http://HOST:PORT/PATH"),
        (&["127.0.0.1:1", "--conections", "1"], "--connections"),
        (&[], "URL"),
    ] {
        let loaded = load(arguments);
        assert_eq!(loaded.finished.code, 2, "{arguments:?}");
        assert!(loaded.finished.stderr.contains(named), "{arguments:?}: {}", loaded.finished.stderr);
        assert!(loaded.json.is_null());
    }
}

#[test]
fn a_refused_connection_is_exit_1_and_makes_no_load() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    drop(listener);
    let loaded = load(&[&url]);
    assert_eq!((loaded.finished.code, &*loaded.finished.stdout), (1, ""));
    let said = &loaded.finished.stderr;
    assert!(said.contains(&format!("cannot connect to {url}: Connection refused")), "{said}");
}

#[test]
fn a_name_without_address_is_exit_1() {
    let loaded = load(&["http://nobody.invalid/"]);
    assert_eq!(loaded.finished.code, 1);
    assert!(
        loaded.finished.stderr.contains("cannot connect to http://nobody.invalid/"),
        "{}",
        loaded.finished.stderr
    );
}

#[test]
fn a_server_that_dies_leaves_partial_results() {
    for processes in ["1", "2"] {
        let peer = Peer::start(Habit::DieAt(500));
        let loaded = load(&[&[&*peer.url(), "--processes", processes], &LONG[..]].concat());
        let finished = &loaded.finished;
        assert_eq!(finished.code, 1);
        assert!(finished.stdout.starts_with("PARTIAL: the server was given up"), "{}", finished.stdout);
        assert!(finished.stderr.contains("the figures are partial"), "{}", finished.stderr);
        assert_eq!(loaded.json["partial"], true);
        // Those that were out when it died have no answer; the others are kept.
        assert!((490..500).contains(&loaded.total("answered")), "{}", finished.stdout);
        assert!(loaded.errors("reset") > 0 && loaded.errors("connect") > 0, "{}", finished.stdout);
    }
}

#[test]
fn a_server_that_answers_garbage_is_shown_as_it_is() {
    let peer = Peer::start(Habit::Garbage);
    let loaded = load(&[&[&*peer.url()], &LONG[..]].concat());
    let finished = &loaded.finished;
    assert_eq!((finished.code, loaded.total("answered")), (1, 0));
    assert!(finished.stdout.contains(r"no answer: 220 smtp.example.com ESMTP\r\n"), "{}", finished.stdout);
    assert_eq!(loaded.json["partial"], true);
    assert!(loaded.errors("bad_framing") > 0);
}

#[test]
fn a_server_that_is_none_is_given_up_in_the_warm_up_too() {
    let peer = Peer::start(Habit::Garbage);
    let loaded = load(&[&peer.url(), "--warm-up", "10m"]);
    let finished = &loaded.finished;
    assert_eq!((finished.code, loaded.total("answered")), (1, 0));
    assert!(
        finished.stdout.starts_with("PARTIAL: the server was given up, for answers were none"),
        "{}",
        finished.stdout
    );
    assert!(finished.stdout.contains("220 smtp.example.com"), "{}", finished.stdout);
}

#[test]
fn a_server_that_never_does_what_it_is_asked_is_exit_1() {
    let peer = Peer::start(Habit::Answer);
    let flags = ["--framed", "--body", "\r\n\r\n", "--duration", "200ms", "--warm-up", "0", "--rate", "20"];
    let loaded = load(&[&[&*peer.address.to_string()], &flags[..]].concat());
    assert_eq!((loaded.finished.code, loaded.total("answered")), (1, 0), "{}", loaded.finished.stdout);
}
