//! Requests of every kind, pipelined and cut anywhere, on two cores that are taken all the time: each answer is the one
//! to its own request.

use super::support::{Answer, Client, PATIENCE, Serving, expect_panics, one_core, until};
use bytes::Bytes;
use corelay::config::{Accept, Cores};
use corelay::http::{Path, Response, endpoint};
use corelay::{Router, blocking};
use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

const CONNECTIONS: u64 = 6;
const REQUESTS: u64 = 400;
const LARGE: usize = 300_000;

/// Where two handlers meet: one waits for the other, and so its core must serve another connection.
#[derive(Clone, Default)]
struct Meeting(Arc<Mutex<Vec<SyncSender<()>>>>);

impl Meeting {
    fn wait(&self) {
        let (sender, met) = sync_channel(1);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        met.recv_timeout(PATIENCE).expect("somebody comes");
    }

    fn come(&self) {
        for waiting in self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = waiting.send(());
        }
    }
}

fn router(meeting: &Meeting) -> Router {
    let meetings = [(); 6].map(|()| meeting.clone());
    let [coming, blocked, noticed, streamed, written, panicking] = meetings;
    let wait = move |Path(number): Path<u64>| {
        blocked.wait();
        number.to_string()
    };
    Router::new()
        .get("/come", move || coming.come())
        .get("/fast/{n}", |Path(number): Path<u64>| number.to_string())
        .get("/known/{n}", endpoint(wait.clone()).blocking())
        .get("/passed/{n}", endpoint(move |number: Path<u64>| blocking(|| wait(number))).inline())
        .get("/noticed/{n}", move |Path(number): Path<u64>| {
            noticed.wait();
            number.to_string()
        })
        .get("/streamed/{n}", move |Path(number): Path<u64>| {
            let streamed = streamed.clone();
            Response::chunks(number.to_string().into_bytes().into_iter().map(move |octet| {
                blocking(|| streamed.wait());
                Ok(Bytes::from(vec![octet]))
            }))
        })
        .get("/written/{n}", move |Path(number): Path<u64>| {
            blocking(|| written.wait());
            Response::writer(move |out| write!(out, "{number}"))
        })
        .get("/panics/{n}", move |Path(_): Path<u64>| -> &'static str {
            blocking(|| panicking.wait());
            panic!("on purpose")
        })
        .get("/large/{n}", |Path(number): Path<u64>| vec![(number % 251) as u8; LARGE])
        .post("/echo", |body: String| body)
}

/// Numbers that look random and are the same in every run (xorshift, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn kind_of(connection: u64, number: u64) -> u64 {
    let mut numbers = Numbers((connection + 1) * 1_000_003 + (number + 1) * 7919);
    (0..4).for_each(|_| _ = numbers.below(2));
    numbers.below(24)
}

fn request(kind: u64, number: u64) -> String {
    let route = match kind {
        0..=1 => "known",
        2..=6 => "passed",
        7 => "noticed",
        8..=9 => "streamed",
        10..=11 => "written",
        12..=13 => "panics",
        14 => "large",
        15..=17 => {
            let body = number.to_string();
            let head = "POST /echo HTTP/1.1\r\nHost: test\r\n";
            return if kind == 15 {
                format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
            } else {
                format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
            };
        }
        _ => "fast",
    };
    format!("GET /{route}/{number} HTTP/1.1\r\nHost: test\r\n\r\n")
}

fn check(answer: &Answer, kind: u64, number: u64) {
    match kind {
        12..=13 => assert_eq!(answer.status, 500, "request {number}"),
        14 => assert!(answer.body == vec![(number % 251) as u8; LARGE], "request {number}"),
        _ => assert_eq!((answer.status, answer.text()), (200, &*number.to_string()), "of kind {kind}"),
    }
}

/// Sends everything, in pieces that end anywhere.
fn send(mut stream: TcpStream, connection: u64) {
    let all: String = (0..REQUESTS).map(|number| request(kind_of(connection, number), number)).collect();
    let (mut rest, mut numbers) = (all.as_bytes(), Numbers(connection + 7));
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(1 + numbers.below(2000) as usize));
        stream.write_all(piece).unwrap();
        rest = after;
    }
}

fn converse(mut client: Client, connection: u64) {
    thread::scope(|scope| {
        let writer = client.writer();
        scope.spawn(move || send(writer, connection));
        for number in 0..REQUESTS {
            check(&client.answer(), kind_of(connection, number), number);
        }
    });
}

#[test]
fn every_answer_is_to_its_own_request() {
    expect_panics();
    for accept in [Accept::PerCore, Accept::RoundRobin] {
        let meeting = Meeting::default();
        let mut config = one_core();
        config.cores = Cores::Count(thread::available_parallelism().map_or(1, |count| count.get().min(2)));
        config.accept = accept;
        let serving = Serving::with(config, router(&meeting));
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let coming = scope.spawn(|| {
                // One on each core, so that nobody waits for ever.
                let mut clients = [serving.client(), serving.client(), serving.client(), serving.client()];
                while !done.load(Ordering::Relaxed) {
                    clients.iter_mut().for_each(|client| assert_eq!(client.get("/come").status, 200));
                }
            });
            let conversations: Vec<_> = (0..CONNECTIONS)
                .map(|connection| {
                    let client = serving.client();
                    scope.spawn(move || converse(client, connection))
                })
                .collect();
            let ended: Vec<bool> = conversations.into_iter().map(|thread| thread.join().is_ok()).collect();
            done.store(true, Ordering::Relaxed);
            assert!(coming.join().is_ok() && ended.iter().all(|well| *well), "{ended:?}");
        });
        until("no connection is left", || serving.status().connections == 0);
        let status = serving.status();
        let takes: u64 = status.cores.iter().map(|core| core.core_relays).sum();
        assert!(takes >= CONNECTIONS * REQUESTS / 10, "the cores were taken {takes} times");
        assert_eq!(status.service.refused, 0);
        serving.end().unwrap();
    }
}
