//! A hand-written server for loads: a thread for each connection, and one way to behave or misbehave.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What it does with requests.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Habit {
    /// Answers.
    Answer,
    /// Answers, but at the request of that number nothing is answered for that long.
    StallAt(u64, Duration),
    /// Answers until the request of that number; from then on nobody is there.
    DieAt(u64),
    /// Speaks something else.
    Garbage,
    /// Sends frames back, four bytes of length before each.
    EchoFrames,
    /// Answers every second request with an error of the Connect protocol, the others with an empty message in JSON.
    FailEverySecondCall,
}

/// The server; its threads end with the test's process.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    /// Yields once for each hundred requests.
    hundreds: Receiver<()>,
}

struct State {
    habit: Habit,
    address: SocketAddr,
    /// Held by who answers, so that a stall stalls all.
    seen: Mutex<Seen>,
    hundred: Sender<()>,
}

#[derive(Default)]
struct Seen {
    requests: u64,
    streams: Vec<TcpStream>,
    is_dead: bool,
}

impl Peer {
    pub(crate) fn start(habit: Habit) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (hundred, hundreds) = mpsc::channel();
        let state = Arc::new(State { habit, address, seen: Mutex::default(), hundred });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut seen = shared.seen.lock().expect("no thread panics with it");
                if seen.is_dead {
                    return;
                }
                seen.streams.push(stream.try_clone().expect("a descriptor is free"));
                drop(seen);
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, state, hundreds }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How many requests came.
    pub(crate) fn requests(&self) -> u64 {
        self.state.seen.lock().expect("no thread panics with it").requests
    }

    /// How many connections came, the one that only looks whether somebody is there among them.
    pub(crate) fn connections(&self) -> usize {
        self.state.seen.lock().expect("no thread panics with it").streams.len()
    }

    /// Waits until it has seen a hundred more.
    pub(crate) fn wait_for_a_hundred(&self) {
        self.hundreds.recv_timeout(crate::support::PATIENCE).expect("the load comes");
    }
}

impl State {
    /// A connection that ends, ends; the client says what it makes of that.
    fn serve(&self, mut stream: TcpStream) {
        let mut input = BufReader::new(stream.try_clone().expect("a descriptor is free"));
        while let Some(payload) = self.next(&mut input) {
            let Some(number) = self.count() else { return };
            if stream.write_all(&self.answer(number, &payload)).is_err() {
                return;
            }
        }
    }

    /// The next request, once it is whole; of frames, the payload; else the body.
    fn next(&self, input: &mut impl BufRead) -> Option<Vec<u8>> {
        if let Habit::EchoFrames = self.habit {
            let mut length = [0; 4];
            input.read_exact(&mut length).ok()?;
            let mut payload = vec![0; u32::from_be_bytes(length) as usize];
            input.read_exact(&mut payload).ok()?;
            return Some(payload);
        }
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            input.read_line(&mut line).ok().filter(|&read| read > 0)?;
            if let Some(given) = line.strip_prefix("Content-Length: ") {
                length = given.trim().parse().expect("the load counts its bodies");
            }
        }
        let mut body = vec![0; length];
        input.read_exact(&mut body).ok()?;
        Some(body)
    }

    /// Counts a request: its number, if it is to be answered.
    fn count(&self) -> Option<u64> {
        let mut seen = self.seen.lock().expect("no thread panics with it");
        seen.requests += 1;
        let number = seen.requests;
        if seen.requests.is_multiple_of(100) {
            // The test may have seen enough.
            let _ = self.hundred.send(());
        }
        match self.habit {
            Habit::StallAt(number, time) if seen.requests == number => {
                // Nothing is sent, and nothing is received: it is a way to wait that others wait for too.
                let (_nobody, silence) = mpsc::channel::<()>();
                assert_eq!(silence.recv_timeout(time), Err(mpsc::RecvTimeoutError::Timeout));
            }
            Habit::DieAt(number) if seen.requests >= number => {
                seen.is_dead = true;
                for stream in seen.streams.drain(..) {
                    // It may have ended by itself.
                    let _ = stream.shutdown(Shutdown::Both);
                }
                drop(seen);
                // So that the listener sees it, and ends.
                let _ = TcpStream::connect(self.address);
                return None;
            }
            _ => {}
        }
        Some(number)
    }

    fn answer(&self, number: u64, payload: &[u8]) -> Vec<u8> {
        match self.habit {
            Habit::Garbage => b"220 smtp.example.com ESMTP\r\n".to_vec(),
            Habit::EchoFrames => {
                let length = u32::try_from(payload.len()).expect("frames here are short");
                [&length.to_be_bytes()[..], payload].concat()
            }
            Habit::FailEverySecondCall => {
                let (status, body) = match number % 2 {
                    0 => ("429 Too Many Requests", r#"{"code":"resource_exhausted","message":"no more"}"#),
                    _ => ("200 OK", "{}"),
                };
                let fields = format!("Content-Type: application/json\r\nContent-Length: {}", body.len());
                format!("HTTP/1.1 {status}\r\n{fields}\r\n\r\n{body}").into_bytes()
            }
            _ => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec(),
        }
    }
}
