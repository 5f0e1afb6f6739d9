//! A server that misbehaves on request: a thread for each connection, and a behaviour for each path.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

/// A server on a free port; its threads end with the test's process.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<BTreeMap<String, u64>>>,
    open: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(BTreeMap::new()));
        let open = Arc::new(AtomicUsize::new(0));
        let (counts, opened) = (Arc::clone(&seen), Arc::clone(&open));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, counts, opened) = (stream.unwrap(), Arc::clone(&counts), Arc::clone(&opened));
                opened.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    serve(stream, &counts);
                    opened.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, seen, open }
    }

    /// How many connections have not ended.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// How many requests for a path were read.
    pub(crate) fn seen(&self, path: &str) -> u64 {
        self.seen.lock().unwrap().get(path).copied().unwrap_or(0)
    }
}

/// An error of the Connect protocol.
const EXHAUSTED: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: 29\r\n\r\n\
    {\"code\":\"resource_exhausted\"}";

/// Answers requests until the path, or the client, ends the connection.
fn serve(mut stream: TcpStream, seen: &Mutex<BTreeMap<String, u64>>) {
    let mut input = BufReader::new(stream.try_clone().unwrap());
    while let Some(path) = next_path(&mut input) {
        let number = {
            let mut seen = seen.lock().unwrap();
            let count = seen.entry(path.clone()).or_default();
            *count += 1;
            *count
        };
        let answer: &[u8] = match path.as_str() {
            "/length" => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "/chunked" => {
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n3;x=y\r\no!!\r\n0\r\n\r\n"
            }
            "/until-close" => b"HTTP/1.1 200 OK\r\n\r\nhello, and good bye",
            "/close" => b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
            "/unavailable" => b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            "/garbage" => b"220 smtp.example.com ESMTP\r\n",
            "/twice" => b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            "/cut" => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
            "/call" => b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
            "/html" => b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok",
            "/exhausted" => EXHAUSTED,
            "/never" => continue,
            "/stall-once" => {
                if number == 10 {
                    stall(Duration::from_millis(200));
                }
                b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
            }
            _ => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        };
        if stream.write_all(answer).is_err() || matches!(path.as_str(), "/until-close" | "/close" | "/cut") {
            return;
        }
    }
}

/// The path of the next request, once it is whole.
fn next_path(input: &mut impl BufRead) -> Option<String> {
    let mut first = String::new();
    input.read_line(&mut first).ok().filter(|&read| read > 0)?;
    let (mut field, mut body) = (String::new(), 0);
    while field != "\r\n" {
        field.clear();
        input.read_line(&mut field).ok().filter(|&read| read > 0)?;
        if let Some(length) = field.strip_prefix("Content-Length: ") {
            body = length.trim().parse().unwrap();
        }
    }
    input.read_exact(&mut vec![0; body]).ok()?;
    Some(first.split(' ').nth(1)?.to_owned())
}

/// Does nothing for that long, which is what this server is asked to do.
fn stall(time: Duration) {
    let (_nobody, silence) = mpsc::channel::<()>();
    assert_eq!(silence.recv_timeout(time), Err(mpsc::RecvTimeoutError::Timeout));
}
