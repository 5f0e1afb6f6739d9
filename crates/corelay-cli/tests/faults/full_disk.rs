//! A full disk under the access log: lines are lost and counted, requests are answered. When there is room again the log goes on,
//! and says how many lines it lacks.

use std::fs;
use std::process::Command;

use crate::support::{Engine, Scratch, Server};
use crate::{FLAGS, Neighbour, until};

crate::on_three_engines!(a_full_disk_under_the_access_log_costs_lines_and_nothing_else);

/// A disk of 64 KiB in a mount namespace of the server's own, under its standard error.
fn on_a_small_disk(engine: Engine, scratch: &Scratch) -> Server {
    let serve = Server::command(engine, &[&FLAGS[..], &["--access-log", "--listen", "127.0.0.1:0"]].concat());
    let disk = scratch.path("disk");
    fs::create_dir(&disk).expect("the directory is writable");
    let script = r#"disk=$1; shift; mount -t tmpfs -o size=64k none "$disk" && exec "$@" 2>>"$disk/log""#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(&disk);
    command.arg(serve.get_program()).args(serve.get_args());
    Server::spawn(command)
}

fn a_full_disk_under_the_access_log_costs_lines_and_nothing_else(engine: Engine) {
    let scratch = Scratch::new();
    let server = on_a_small_disk(engine, &scratch);
    // Its mount namespace, from outside.
    let log = format!("/proc/{}/root{}", server.id(), scratch.path("disk/log").display());
    let mut neighbour = Neighbour::of(&server);
    until("lines are lost", || {
        neighbour.asks_twice();
        neighbour.counters().log_lines_lost() > 100
    });
    assert_eq!(fs::metadata(&log).expect("the log is there").len(), 64 * 1024, "the disk is full");
    let whole = fs::read_to_string(&log).expect("the log is text");
    assert!(whole.contains("target=\"/plaintext\" status=200"), "{whole:.300}");
    fs::File::options()
        .write(true)
        .open(&log)
        .and_then(|file| file.set_len(0))
        .expect("the log can be emptied");
    until("the log goes on, and says what it lacks", || {
        neighbour.asks();
        fs::read_to_string(&log).is_ok_and(|text| text.contains("log lines lost: "))
    });
    neighbour.asks_twice();
}
