//! `corelay upgrade`: asks for an upgrade, and tells how it went. And the file with the process's id.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Client, Engine, Finished, Generations, Scratch, Server, until};

const ENGINE: Engine = Engine::CORES_PER_CORE;

fn corelay_upgrade(arguments: &[&str]) -> Finished {
    let mut command = Server::bare_command();
    command.arg("upgrade").args(arguments);
    Server::run(command)
}

fn id_in(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[test]
fn it_tells_which_process_serves_now() {
    let mut server = Generations::start(ENGINE, &[]);
    let mut client = server.connect();
    assert_eq!(client.get("/plaintext").status, 200);
    let old = server.id();
    let finished = corelay_upgrade(&[&old.to_string()]);
    assert_eq!((finished.code, finished.stderr.as_str()), (0, ""));
    server.follow();
    assert_eq!(finished.stdout, format!("process {old} is replaced by {}\n", server.id()));
    assert_eq!(client.get("/plaintext").status, 200);
}

#[test]
fn the_file_names_the_process_that_serves() {
    let scratch = Scratch::new();
    let path = scratch.path("pid");
    let file = path.to_str().expect("a path in UTF-8");
    let mut server = Generations::start(ENGINE, &["--pid-file", file]);
    // A moment after the server serves.
    until(|| (id_in(&path) == Some(server.id())).then_some(()));
    for _ in 0..3 {
        let finished = corelay_upgrade(&["--pid-file", file]);
        assert_eq!(finished.code, 0, "{}", finished.stderr);
        server.follow();
        assert_eq!(id_in(&path), Some(server.id()));
    }
    server.signal(rustix::process::Signal::TERM);
    server.wait_for_end();
    assert!(!path.exists());
}

#[test]
fn it_tells_why_the_old_process_goes_on() {
    let scratch = Scratch::new();
    let mut server = Generations::start_at(ENGINE, &[], &scratch.path("corelay"));
    scratch.write_program("corelay", "#!/bin/sh\nexit 3\n");
    let id = server.id().to_string();
    let finished = corelay_upgrade(&[&id]);
    assert_eq!((finished.code, finished.stdout.as_str()), (1, ""));
    let reason = format!("process {id} goes on as it was: the new process has ended (exit status: 3)");
    assert!(finished.stderr.contains(&reason), "{}", finished.stderr);
    fs::remove_file(scratch.path("corelay")).expect("the file is there");
    let finished = corelay_upgrade(&[&id]);
    assert!(finished.stderr.contains("cannot start"), "{}", finished.stderr);
    scratch.link_program("corelay");
    server.upgrade();
}

#[test]
fn what_could_not_move_yet_is_no_failure() {
    let mut server = Generations::start(ENGINE, &[]);
    let mut busy = server.connect();
    busy.send("POST /upload HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(busy.response().status, 100);
    let old = server.id();
    let finished = corelay_upgrade(&[&old.to_string(), "--wait", "1s"]);
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    server.follow();
    let expected = format!("process {} serves; {old} still finishes what could not move\n", server.id());
    assert_eq!(finished.stdout, expected);
    busy.send("hello");
    assert_eq!(busy.response().text().trim_end(), "5");
}

#[test]
fn a_process_that_is_no_server_is_left_alone() {
    let mut other =
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("cat is there");
    let id = other.id();
    let finished = corelay_upgrade(&[&id.to_string()]);
    assert_eq!(finished.code, 1);
    assert!(finished.stderr.contains("does not wait for SIGUSR2"), "{}", finished.stderr);
    drop(other.stdin.take());
    assert!(other.wait().expect("it ends").success(), "it was not ended");
    let finished = corelay_upgrade(&[&id.to_string()]);
    assert_eq!(finished.code, 1, "{}", finished.stderr);
}

#[test]
fn wrong_flags_are_exit_2() {
    for arguments in [&[][..], &["0"], &["x"], &["1", "--pid-file", "x"], &["1", "--wait", "soon"]] {
        assert_eq!(corelay_upgrade(arguments).code, 2, "{arguments:?}");
    }
    assert_eq!(corelay_upgrade(&["--pid-file", "/nowhere/pid"]).code, 1);
}

#[test]
fn a_file_that_cannot_be_written_is_exit_1() {
    let mut command = Server::command(ENGINE, &["--pid-file", "/nowhere/pid"]);
    command.args(["--listen", "127.0.0.1:0"]);
    let finished = Server::run(command);
    assert_eq!(finished.code, 1);
    assert!(finished.stderr.contains("--pid-file"), "{}", finished.stderr);
}

#[test]
fn pid_1_refuses_and_says_why() {
    // A process namespace of its own, in which the server is the first process.
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "--pid",
        "--fork",
        "--mount-proc",
        env!("CARGO_BIN_EXE_corelay"),
    ]);
    command.args(["serve", "--listen", "127.0.0.1:0"]).stdin(Stdio::null());
    let server = Server::spawn(command);
    let mut client = Client::new(std::net::TcpStream::connect(server.address()).expect("the server accepts"));
    let first = server.first_child();
    let finished = corelay_upgrade(&[&first.to_string(), "--wait", "5s"]);
    assert_eq!(finished.code, 1);
    // Out here it has another id, under which nobody in there sends notes: its log has the reason.
    assert_eq!(client.get("/plaintext").status, 200);
    drop(client);
    let logged = server.end_and_read_log(first);
    assert!(logged.contains("it is PID 1"), "{logged}");
}
