//! An upgrade waits for a server that follows and does not serve yet: its listeners could not be passed on.

use super::support::one_core;
use corelay::config::Engine;
use corelay::{Change, Config, Router, Server, ServerHandle};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

/// A server that serves, and what it tells of upgrades: with whether the follower was gone then.
struct Leader {
    address: String,
    handle: ServerHandle,
    refusals: Receiver<bool>,
    thread: JoinHandle<corelay::Result<()>>,
}

fn leader(config: Config, gone: &Arc<AtomicBool>) -> Leader {
    let ((tell, refusals), (ready, serves)) = (channel(), channel());
    let gone = gone.clone();
    let server = Server::new(config).listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let server = server.on_change(move |change| match change {
        Change::Serving => ready.send(()).unwrap(),
        Change::NotUpgraded { reason } => {
            assert!(reason.contains("more than one server"), "{reason}");
            tell.send(gone.load(Ordering::SeqCst)).unwrap();
        }
        _ => {}
    });
    let (address, handle) = (server.addresses()[0].to_string(), server.handle());
    let thread = thread::spawn(|| server.serve(Router::new().get("/", || "here")));
    serves.recv().unwrap();
    Leader { address, handle, refusals, thread }
}

/// Two servers that lead, so that the upgrade, when its time comes, is refused and starts no process.
#[test]
fn an_upgrade_waits_for_a_server_that_listens_and_follows() {
    let mut config = one_core();
    (config.engine, config.upgrade.on_signal) = (Engine::Pool, false);
    let gone = Arc::new(AtomicBool::new(false));
    let (first, second) = (leader(config.clone(), &gone), leader(config.clone(), &gone));
    config.upgrade.follows = true;
    for _ in 0..50 {
        gone.store(false, Ordering::SeqCst);
        let follower = Server::new(config.clone()).listen("127.0.0.1:0".parse().unwrap()).unwrap();
        first.handle.upgrade();
        // Time enough for the upgrade to be refused too early.
        let mut client = TcpStream::connect(&first.address).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        client.read_to_end(&mut Vec::new()).unwrap();
        gone.store(true, Ordering::SeqCst);
        drop(follower);
        assert!(first.refusals.recv().unwrap(), "it did not wait");
    }
    for leader in [first, second] {
        leader.handle.drain();
        leader.thread.join().unwrap().unwrap();
    }
}
