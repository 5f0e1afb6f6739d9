//! Threads of connections are used again, a few are kept, and when there can be no more new clients are told so: the log names the
//! limit that was hit, and the server goes on.

use std::process::Command;
use std::time::Instant;

use rustix::process::Signal;

use crate::on_threads;
use crate::support::{Client, Engine, Generations, PATIENCE, Server};

on_threads!(
    a_thread_serves_one_connection_after_another,
    a_burst_leaves_no_more_threads_than_are_kept,
    connections_that_came_by_an_upgrade_share_a_few_threads_for_a_while,
    handlers_that_all_block_have_a_thread_each,
    those_that_wait_without_a_thread_end_with_the_drain,
    those_that_wait_without_a_thread_end_at_their_deadline,
    out_of_address_space_is_503_and_ends_by_itself,
);

fn served(server: &Server) -> Client {
    let mut client = server.connect();
    assert_eq!(client.get("/plaintext").status, 200);
    client
}

/// A connection that is served, or none if it is refused.
fn admitted(server: &Server) -> Option<Client> {
    let mut client = server.connect();
    // A refusal closes; a request that comes too late for it may be answered by a reset.
    let _ = client.try_send("GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n");
    (client.answers() && client.response().status == 200).then_some(client)
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "still not: {what}");
    }
}

fn a_thread_serves_one_connection_after_another(engine: Engine) {
    let server = Server::start(engine, &["--cores", "1"]);
    drop(served(&server));
    let threads = server.process().threads();
    for _ in 0..200 {
        let mut client = served(&server);
        client.finish_sending();
        client.expect_end();
    }
    assert!(server.process().threads() <= threads + 4, "{} threads", server.process().threads());
}

fn a_burst_leaves_no_more_threads_than_are_kept(engine: Engine) {
    let server = Server::start(engine, &["--cores", "1", "--max-idle-threads", "3"]);
    let first = served(&server);
    let threads = server.process().threads();
    let burst: Vec<Client> = (0..100).map(|_| served(&server)).collect();
    assert_eq!(server.process().threads(), threads + 100, "a thread each");
    drop(burst);
    until("the rest has ended", || server.process().threads() == threads + 3);
    drop(first);
}

/// Connections of a process that has just replaced another one.
fn moved(engine: Engine, flags: &[&str]) -> (Generations, Vec<Client>) {
    let mut server = Generations::start(engine, flags);
    let mut clients: Vec<Client> = (0..100).map(|_| server.connect()).collect();
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/plaintext").status, 200));
    server.upgrade();
    (server, clients)
}

fn threads_of_clients(server: &Generations) -> usize {
    server.process().thread_names().iter().filter(|name| *name == "corelay-client").count()
}

fn connections_that_came_by_an_upgrade_share_a_few_threads_for_a_while(engine: Engine) {
    if engine.flags.contains(&"blocking") {
        // Nobody else would wait for its socket.
        return;
    }
    let (mut server, mut clients) = moved(engine, &[]);
    for _ in 0..2 {
        let threads = || threads_of_clients(&server);
        assert_eq!(threads(), 0);
        for client in &mut clients {
            assert_eq!(client.get("/plaintext").status, 200);
            assert_eq!(client.get("/plaintext").status, 200);
        }
        assert!((1..clients.len() / 2).contains(&threads()), "{} threads", threads());
        server.upgrade();
    }
}

/// All at once, as after a stop: nobody waits for a thread that is free before those that are taken come back.
fn handlers_that_all_block_have_a_thread_each(engine: Engine) {
    let (server, mut clients) = moved(engine, &[]);
    server.signal(Signal::STOP);
    clients.iter_mut().for_each(|client| client.send("GET /sleep/60000 HTTP/1.1\r\nHost: test\r\n\r\n"));
    server.signal(Signal::CONT);
    until("each has a thread", || threads_of_clients(&server) >= clients.len());
}

fn those_that_wait_without_a_thread_end_with_the_drain(engine: Engine) {
    let (server, mut clients) = moved(engine, &[]);
    server.signal(Signal::TERM);
    clients.iter_mut().for_each(Client::expect_end);
}

fn those_that_wait_without_a_thread_end_at_their_deadline(engine: Engine) {
    let (server, mut clients) = moved(engine, &["--idle-timeout", "2s"]);
    clients.iter_mut().for_each(Client::expect_end);
    assert_eq!(server.connect().get("/plaintext").status, 200);
}

/// RLIMIT_AS, for root is bound by no other limit that a test can set. The stacks are large, so that it is soon reached.
fn out_of_address_space_is_503_and_ends_by_itself(engine: Engine) {
    let flags = ["--listen", "127.0.0.1:0", "--thread-stack-bytes", "64m", "--max-idle-threads", "1"];
    let serve = Server::command(engine, &flags);
    let mut command = Command::new("prlimit");
    command.arg("--as=2147483648").arg("--").arg(serve.get_program()).args(serve.get_args());
    let server = Server::spawn(command);
    let mut clients = Vec::new();
    while let Some(client) = admitted(&server) {
        clients.push(client);
        assert!(clients.len() < 64, "more stacks than address space");
    }
    assert!(clients.len() > 4, "a few had a thread");
    for client in &mut clients {
        assert_eq!(client.get("/plaintext").status, 200, "those it has are served on");
    }
    clients.truncate(1);
    let begun = Instant::now();
    while admitted(&server).is_none() {
        assert!(begun.elapsed() < PATIENCE, "threads that ended are not made up for");
    }
    assert_eq!(clients[0].get("/plaintext").status, 200);
    server.signal(Signal::TERM);
    let finished = server.wait();
    let lines = finished.stderr.lines().filter(|line| line.contains("RLIMIT_AS")).count();
    assert_eq!(lines, 1, "one line a minute:\n{}", finished.stderr);
}
