//! Ten thousand takes in a row on one core: every request answered once and in order, and nothing left behind.

use super::support::{Client, PATIENCE, Serving, one_core, until};
use corelay::http::{Path, endpoint};
use corelay::{Router, blocking};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

const TAKES: u64 = 10_000;

/// A turnstile: each handler in it waits until another request was answered, so that its core must have been taken.
#[derive(Default)]
struct Turnstile {
    turns: Mutex<u64>,
    turned: Condvar,
}

impl Turnstile {
    fn turn(&self) {
        *self.turns.lock().unwrap() += 1;
        self.turned.notify_all();
    }

    fn wait_for_a_turn(&self) {
        let turns = self.turns.lock().unwrap();
        let now = *turns;
        let (turns, waited) = self.turned.wait_timeout_while(turns, PATIENCE, |turns| *turns == now).unwrap();
        drop(turns);
        assert!(!waited.timed_out(), "nobody else is served");
    }
}

fn router(turnstile: &Arc<Turnstile>) -> Router {
    let (waiting, turning) = (turnstile.clone(), turnstile.clone());
    let wait = move |Path(number): Path<u64>| {
        blocking(|| waiting.wait_for_a_turn());
        number.to_string()
    };
    let turn = move |Path(number): Path<u64>| {
        turning.turn();
        number.to_string()
    };
    Router::new().get("/wait/{number}", endpoint(wait).inline()).get("/turn/{number}", turn)
}

/// Numbered requests, several at once; each answer must be the next.
fn ask(client: &mut Client, numbers: std::ops::Range<u64>, route: impl Fn(u64) -> &'static str) {
    let requests = numbers
        .clone()
        .map(|number| format!("GET /{}/{number} HTTP/1.1\r\nHost: test\r\n\r\n", route(number)));
    client.send(requests.collect::<String>());
    for number in numbers {
        assert_eq!(client.answer().text(), number.to_string());
    }
}

/// Turns until told to stop; gives how many it was answered.
fn keep_turning(mut client: Client, stop: &AtomicBool) -> u64 {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        ask(&mut client, number..number + 3, |_| "turn");
        number += 3;
    }
    number
}

/// Sockets that the server has open besides its listener, as the kernel lists them (proc_pid_net(5)): local address, state
/// and inode are columns 1, 3 and 9, and a socket that no descriptor refers to any more has inode 0. Unlike a count of all
/// descriptors this is right beside other tests in the same process.
fn sockets(serving: &Serving) -> usize {
    const LISTEN: &str = "0A";
    let port = format!(":{:04X}", serving.address().port());
    let is_open = |line: &&str| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        columns[1].ends_with(&port) && columns[3] != LISTEN && columns[9] != "0"
    };
    std::fs::read_to_string("/proc/self/net/tcp").unwrap().lines().skip(1).filter(is_open).count()
}

fn takes(serving: &Serving) -> u64 {
    serving.status().cores[0].core_relays
}

#[test]
fn ten_thousand_takes_lose_nothing_and_leave_nothing() {
    let mut config = one_core();
    config.deadlines.service_idle_timeout = Duration::from_millis(200);
    let turnstile = Arc::default();
    let serving = Serving::with(config, router(&turnstile));
    let mut first = serving.client();
    ask(&mut first, 0..1, |_| "turn");
    assert_eq!(sockets(&serving), 1, "they are counted");
    drop(first);
    let (asked, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let turned = thread::scope(|scope| {
        let turning = [(); 2].map(|()| {
            let (client, stop) = (serving.client(), &stop);
            scope.spawn(move || keep_turning(client, stop))
        });
        let waiting = [(); 4].map(|()| {
            let (mut client, serving, asked) = (serving.client(), &serving, &asked);
            scope.spawn(move || {
                let mut number = 0;
                while takes(serving) < TAKES {
                    // Three in a row wait, between others that do not.
                    ask(
                        &mut client,
                        number..number + 5,
                        |number| if number % 5 < 3 { "wait" } else { "turn" },
                    );
                    number += 5;
                }
                asked.fetch_add(number, Ordering::Relaxed);
            })
        });
        let waited = waiting.map(|thread| thread.join().is_ok());
        stop.store(true, Ordering::Relaxed);
        let turned = turning.map(|thread| thread.join().unwrap()).into_iter().sum::<u64>();
        assert_eq!(waited, [true; 4]);
        turned
    });
    let answered = asked.into_inner() + turned + 1;
    until("no connection is left", || serving.status().connections == 0);
    until("all are counted", || serving.status().cores[0].requests == answered);
    let core = serving.status().cores[0].clone();
    assert!(core.core_relays >= TAKES && core.false_core_relays <= core.core_relays, "{core:?}");
    assert_eq!((core.connections, core.connections_accepted), (0, 7), "{core:?}");
    assert_eq!(core.closes.values().sum::<u64>(), 7, "{core:?}");
    until("the threads have ended, but for the core's own", || serving.status().service.threads == 0);
    until("no descriptor is left", || sockets(&serving) == 0);
    serving.end().unwrap();
}
