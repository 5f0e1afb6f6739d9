//! A server out of file descriptors (EMFILE) does not spin, says so once, and accepts again when there are some.

use std::process::Command;

use rustix::process::Signal;

use crate::on_every_engine;
use crate::support::{Engine, Server};

on_every_engine!(out_of_files_costs_no_cpu_and_ends_by_itself);

const FILES: usize = 64;

/// The server with a limit on its open files, set by prlimit(1), which then becomes the server.
fn limited(engine: Engine) -> Server {
    let serve = Server::command(engine, &["--listen", "127.0.0.1:0"]);
    let mut command = Command::new("prlimit");
    command
        .arg(format!("--nofile={FILES}:{FILES}"))
        .arg("--")
        .arg(serve.get_program())
        .args(serve.get_args());
    Server::spawn(command)
}

fn out_of_files_costs_no_cpu_and_ends_by_itself(engine: Engine) {
    let server = limited(engine);
    let mut served = Vec::new();
    let waiting = loop {
        let mut client = server.connect();
        client.send("GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n");
        // Not accepted while the kernel still says that nothing came; a machine too slow for this costs one more turn.
        if !client.answers_within(std::time::Duration::from_millis(500)) {
            break client;
        }
        assert_eq!(client.response().status, 200);
        served.push(client);
        assert!(served.len() < FILES, "more connections than files");
    };
    let mut waiting = [waiting, server.connect(), server.connect()];
    let before = server.process().cpu_ticks();
    assert!(
        !waiting[0].answers_within(std::time::Duration::from_secs(2)),
        "there is no file to accept it with"
    );
    // The kernel scales samples to the time that was really used, and seen at two moments the sum may shrink.
    let burnt = server.process().cpu_ticks().saturating_sub(before);
    assert!(burnt <= 20, "out of files the server burns {burnt} ticks of CPU in 2 s, of 200 a core");
    let open = served.len();
    assert_eq!(served[open - 1].get("/plaintext").status, 200, "those it has are served on");
    drop(served);
    assert_eq!(waiting[0].response().text(), "Hello, World!", "accepting resumes");
    for client in &mut waiting[1..] {
        assert_eq!(client.get("/plaintext").status, 200);
    }
    server.signal(Signal::TERM);
    let finished = server.wait();
    let about_files =
        |line: &&str| line.contains("open files") || line.contains("EMFILE") || line.contains("descriptors");
    let lines = finished.stderr.lines().filter(about_files).count();
    assert_eq!(lines, 1, "one line a minute:\n{}", finished.stderr);
}
