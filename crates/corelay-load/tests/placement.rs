//! Placement against a server of two threads, in a process of its own because its threads are what is looked at.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use corelay_load::{Group, Mix, Placement, Plan, run};
use corelay_poll::{Events, Interest, Poller, Token, Trigger};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A thread that serves the connections it is given, and counts requests for `/load` and those of them with the field.
struct Worker {
    poller: Poller,
    connections: Mutex<BTreeMap<u32, TcpStream>>,
    loads: AtomicU64,
    fields: AtomicU64,
}

impl Worker {
    fn start() -> Arc<Self> {
        let worker = Arc::new(Self {
            poller: Poller::new().unwrap(),
            connections: Mutex::default(),
            loads: AtomicU64::new(0),
            fields: AtomicU64::new(0),
        });
        let serving = Arc::clone(&worker);
        thread::spawn(move || serving.serve());
        worker
    }

    fn give(&self, number: u32, stream: TcpStream) {
        let mut connections = self.connections.lock().unwrap();
        self.poller.add(&stream, Token::new(number, 0), Interest::READ, Trigger::Level).unwrap();
        connections.insert(number, stream);
    }

    fn serve(&self) {
        let mut events = Events::with_capacity(64);
        let mut buffer = [0; 4096];
        loop {
            self.poller.wait(&mut events, None).unwrap();
            for event in events.iter() {
                let mut connections = self.connections.lock().unwrap();
                let number = event.token().slot();
                let stream = connections.get_mut(&number).unwrap();
                let count = stream.read(&mut buffer).unwrap_or(0);
                let request = String::from_utf8_lossy(&buffer[..count]);
                self.loads.fetch_add(u64::from(request.starts_with("GET /load ")), Ordering::SeqCst);
                self.fields.fetch_add(u64::from(request.contains("\r\nx-hot: yes\r\n")), Ordering::SeqCst);
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                if count == 0 || stream.write_all(answer).is_err() {
                    self.poller.delete(&*stream).unwrap();
                    connections.remove(&number);
                }
            }
        }
    }
}

/// Two workers that get connections in turn, and their address.
fn start() -> (SocketAddr, [Arc<Worker>; 2]) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let workers = [Worker::start(), Worker::start()];
    let dealt = workers.clone();
    thread::spawn(move || {
        for (number, stream) in (0..).zip(listener.incoming()) {
            dealt[number as usize % 2].give(number, stream.unwrap());
        }
    });
    (address, workers)
}

#[test]
fn one_thread_serves_all_connections_of_the_group() {
    let (address, workers) = start();
    let mut plan = Plan::new(address);
    (plan.warm_up, plan.duration) = (Duration::ZERO, Duration::from_millis(300));
    plan.drain = Duration::from_secs(30);
    let mut hot = Group::open("hot", 5, 500.0, Mix::only("/load"));
    hot.fields.push(("x-hot".into(), "yes".into()));
    hot.placement = Some(Placement::new(std::process::id(), "/probe"));
    plan.groups.push(hot);

    let report = run(&plan).unwrap();

    let total = &report.groups[0].total;
    assert_eq!((total.answered, total.errors.total()), (150, 0));
    let mut loads = workers.each_ref().map(|worker| worker.loads.load(Ordering::SeqCst));
    loads.sort_unstable();
    assert_eq!(loads, [0, 150], "one worker has it all");
    assert!(workers.iter().all(|worker| worker.fields.load(Ordering::SeqCst) > 0), "probes have fields too");
    let placement = report.groups[0].placement.as_ref().unwrap();
    // They are dealt in turn: the fifth of the first worker is the ninth of all.
    assert_eq!((placement.candidates, placement.lost), (9, 0));
    assert!(placement.threads.iter().any(|used| used.thread == placement.thread), "{placement:?}");
}
