//! Files, and the exit status that scripts go by.

use crate::invocation::{command, load};
use crate::peer::{Habit, Peer};
use crate::support::{Scratch, Server};

const FLAGS: [&str; 8] = ["--rate", "200", "--connections", "2", "--duration", "200ms", "--warm-up", "0"];

#[test]
fn json_has_the_plan_and_what_was_found() {
    let peer = Peer::start(Habit::Answer);
    let loaded = load(&[&[&*peer.url()], &FLAGS[..]].concat());
    assert_eq!((loaded.finished.code, loaded.total("answered")), (0, 40), "{}", loaded.finished.stderr);
    assert_eq!((&loaded.json["partial"], &loaded.json["url"]), (&false.into(), &peer.url().into()));
    assert_eq!(loaded.json["plan"]["groups"][0]["connections"], 2);
    assert_eq!(loaded.group()["statuses"]["200"], 40);
    assert_eq!(loaded.slower_than(0), 40, "the distribution has every answer");
}

#[test]
fn the_distribution_is_written_as_hgrm() {
    let (peer, scratch) = (Peer::start(Habit::Answer), Scratch::new());
    let file = scratch.path("found.hgrm");
    let mut command = command(&[&[&*peer.url()], &FLAGS[..]].concat());
    let finished = Server::run({
        command.arg("--hdr").arg(&file);
        command
    });
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    let text = std::fs::read_to_string(file).expect("it was written");
    assert!(text.trim_start().starts_with("Value     Percentile TotalCount 1/(1-Percentile)"), "{text}");
    assert!(text.contains("Total count    =           40]"), "{text}");
}

#[test]
fn the_page_has_the_figures_and_loads_nothing() {
    let (peer, scratch) = (Peer::start(Habit::Answer), Scratch::new());
    let file = scratch.path("found.html");
    let path = file.display().to_string();
    let flags = ["--path", "/a", "--path", "/b", "--html", &path];
    let finished = Server::run(command(&[&[&*peer.url()], &flags[..], &FLAGS[..]].concat()));
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    let page = std::fs::read_to_string(file).expect("it was written");
    for part in ["<svg", "p99.99", "status 200", "By request", "2 connections, 200 requests/s, evenly spaced"]
    {
        assert!(page.contains(part), "no {part:?} in\n{page}");
    }
    assert!(!page.contains("<script") && !page.contains("src="), "{page}");
}

#[test]
fn a_condition_that_holds_is_exit_1_and_says_what_was_found() {
    let peer = Peer::start(Habit::Answer);
    let run = |condition| load(&[&[&*peer.url(), "--fail-on", condition], &FLAGS[..]].concat());
    let holds = run("errors>0,rate>1");
    assert_eq!(holds.finished.code, 1);
    assert!(holds.finished.stderr.contains("error: --fail-on rate>1: it is "), "{}", holds.finished.stderr);
    assert_eq!(holds.json["failed"].as_array().map(Vec::len), Some(1));
    assert_eq!(run("errors>0,max>8760h").finished.code, 0);
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let peer = Peer::start(Habit::Answer);
    let finished = Server::run(command(&[&[&*peer.url(), "--hdr", "/nowhere/x"], &FLAGS[..]].concat()));
    assert_eq!(finished.code, 1);
    assert!(finished.stderr.contains("--hdr, /nowhere/x"), "{}", finished.stderr);
}
