//! Connections passed between the cores of a real server, as often as a test likes.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use super::Message;
use super::balance::Share;
use crate::config::{Cores, Pin};
use crate::http::{Path, Router};
use crate::{Config, Server, ServerHandle};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

const CLIENTS: u64 = 16;

fn start() -> (ServerHandle, SocketAddr, JoinHandle<crate::Result<()>>) {
    let mut config = Config::default();
    (config.cores, config.pin) = (Cores::Count(2), Pin::Off);
    config.drain.on_signals = false;
    let server = Server::new(config).listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let (handle, address) = (server.handle(), server.addresses()[0].clone());
    let crate::config::Address::Tcp(address) = address else { panic!("not TCP") };
    let router = Router::new().get("/{n}", |Path(n): Path<u64>| n.to_string());
    (handle, address, thread::spawn(move || server.serve(router)))
}

/// One keep-alive connection that counts: each answer must be that to its own request.
struct Client {
    peer: BufReader<TcpStream>,
    next: u64,
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        Self { peer: BufReader::new(TcpStream::connect(address).unwrap()), next: 0 }
    }

    /// Two requests in one segment, and their answers.
    fn ask(&mut self) {
        let requests = [self.next, self.next + 1].map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n"));
        self.peer.get_mut().write_all(requests.concat().as_bytes()).unwrap();
        for _ in 0..2 {
            assert_eq!(self.answer(), self.next.to_string());
            self.next += 1;
        }
    }

    fn answer(&mut self) -> String {
        let mut length = None;
        loop {
            let mut line = String::new();
            self.peer.read_line(&mut line).unwrap();
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = Some(value.trim().parse::<usize>().unwrap());
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length.unwrap()];
        self.peer.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }
}

fn passed_on(handle: &ServerHandle) -> u64 {
    handle.status().cores.iter().map(|core| core.connections_passed_on).sum()
}

/// A hundred thousand moves under load: every request answered once and in order, every connection in one core, and none
/// left when the clients are gone.
#[test]
fn connections_that_are_passed_to_and_fro_lose_nothing() {
    let (handle, address, serving) = start();
    let done = AtomicBool::new(false);
    let answered: u64 = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::new(address);
                    while !done.load(Ordering::Relaxed) {
                        client.ask();
                    }
                    client.next
                })
            })
            .collect();
        let cores = loop {
            let cores = handle.cores();
            if cores.len() == 2 && handle.status().connections == CLIENTS {
                break cores;
            }
            thread::yield_now();
        };
        while passed_on(&handle) < 100_000 {
            for (from, to) in [(0, 1), (1, 0)] {
                let share = Share { to: cores[to].clone(), part: 900 };
                cores[from].send(Message::Share(share));
            }
            thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    handle.drain();
    serving.join().unwrap().unwrap();
    let status = handle.status();
    assert_eq!(status.connections, 0);
    let sum = |count: fn(&crate::status::CoreStatus) -> u64| status.cores.iter().map(count).sum::<u64>();
    assert_eq!(sum(|core| core.requests), answered);
    assert_eq!(sum(|core| core.connections_passed_in), sum(|core| core.connections_passed_on));
    assert!(status.cores.iter().all(|core| core.connections == 0), "{:?}", status.cores);
}

/// A core that drains waits for what is on its way to it: passing while the server drains loses no connection.
#[test]
fn draining_while_connections_are_passed_cuts_none_off() {
    for _ in 0..20 {
        let (handle, address, serving) = start();
        let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::new(address)).collect();
        clients.iter_mut().for_each(Client::ask);
        let cores = handle.cores();
        thread::scope(|scope| {
            scope.spawn(|| {
                for turn in 0..200 {
                    let (from, to) = (turn % 2, 1 - turn % 2);
                    cores[from].send(Message::Share(Share { to: cores[to].clone(), part: 900 }));
                }
            });
            handle.drain();
        });
        serving.join().unwrap().unwrap();
        assert_eq!(handle.status().connections, 0);
        for client in &mut clients {
            assert_eq!(client.peer.read(&mut [0]).unwrap(), 0, "closed in good order, not reset");
        }
    }
}
