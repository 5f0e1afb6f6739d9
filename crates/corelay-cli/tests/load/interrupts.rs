//! Ctrl-C, and what a service manager sends: the run ends early, and tells what it found.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::invocation::start;
use crate::peer::{Habit, Peer};
use crate::support::Scratch;

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("it is running");
}

#[test]
fn an_interrupted_run_tells_what_it_found() {
    for (processes, how) in [("1", Signal::INT), ("2", Signal::INT), ("1", Signal::TERM)] {
        let (peer, scratch) = (Peer::start(Habit::Answer), Scratch::new());
        let (url, json) = (peer.url(), scratch.path("found.json").display().to_string());
        let flags = ["--duration", "10m", "--warm-up", "0", "--connections", "4"];
        let child = start(&[&[&*url, "--processes", processes, "--json", &json], &flags[..]].concat());
        peer.wait_for_a_hundred();
        signal(&child, how);
        let output = child.wait_with_output().expect("it ends");
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!((output.status.code(), output.status.signal()), (Some(1), None), "{stderr}");
        assert!(stdout.starts_with("PARTIAL: the run was interrupted"), "{stdout}");
        assert!(stderr.contains("the figures are partial"), "{stderr}");
        let found: Value =
            serde_json::from_str(&std::fs::read_to_string(&json).expect("written")).expect("JSON");
        let total = &found["report"]["groups"][0]["total"];
        assert_eq!((&found["partial"], &total["errors"]["reset"]), (&true.into(), &0.into()), "{stdout}");
        assert!(total["answered"].as_u64() >= Some(90), "{stdout}");
    }
}
