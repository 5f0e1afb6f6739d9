//! `examples/kv.rs` as a user starts it, and a client that knows the protocol's replies and nothing else.
#![allow(dead_code, reason = "two test programs have this module, and neither uses all of it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How a server may be started; each must answer the same.
pub(crate) const ALL: [&[&str]; 4] = [
    &["--cores", "2", "--shards", "locked"],
    &["--cores", "2", "--shards", "relayed"],
    &["--engine", "threads"],
    &["--engine", "pool"],
];

/// A running server; killed if its test fails before it ended by itself.
pub(crate) struct Server {
    child: Child,
    /// Kept open: what writes a line into a closed pipe dies of it.
    _said: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

/// A connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Server {
    pub(crate) fn start(flags: &[&str]) -> Self {
        let program = example();
        let mut command = Command::new(&program);
        command.arg("127.0.0.1:0").args(flags).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("{}: {error}; `cargo build --examples` makes it", program.display())
        });
        let (mut said, mut line) = (BufReader::new(child.stdout.take().unwrap()), String::new());
        said.read_line(&mut line).unwrap();
        let Some(address) = line.trim_end().strip_prefix("listening on ") else {
            let _ = child.kill();
            panic!("kv {flags:?} printed '{line}'");
        };
        let address = address.parse().unwrap();
        Self { child, _said: said, address }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Drains it, as a service manager does.
    pub(crate) fn end(self) {
        self.signal(Signal::TERM);
        self.wait();
    }

    /// Waits until it has ended, well.
    pub(crate) fn wait(mut self) {
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone after `end`: then both say so, and that is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        // Only a test that fails waits so long.
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, octets: &[u8]) {
        self.stream.get_ref().write_all(octets).unwrap();
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.stream.get_ref()
    }

    /// The next reply, as it comes.
    pub(crate) fn reply(&mut self) -> Vec<u8> {
        let mut reply = Vec::new();
        self.read_reply(&mut reply);
        reply
    }

    /// The reply to a request of these words, as text.
    pub(crate) fn ask(&mut self, words: &[&str]) -> String {
        self.send(&request(words));
        String::from_utf8(self.reply()).unwrap()
    }

    /// What still comes until the connection ends.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        rest
    }

    fn read_reply(&mut self, reply: &mut Vec<u8>) {
        let start = reply.len();
        self.stream.read_until(b'\n', reply).unwrap();
        let line = String::from_utf8(reply[start..].to_vec()).unwrap();
        let count = || line[1..].trim_end().parse::<i64>().unwrap();
        match line.as_bytes().first() {
            Some(b'+' | b'-' | b':') => {}
            Some(b'$') if count() >= 0 => {
                let end = reply.len();
                reply.resize(end + usize::try_from(count()).unwrap() + 2, 0);
                self.stream.read_exact(&mut reply[end..]).unwrap();
            }
            Some(b'*') => (0..count()).for_each(|_| self.read_reply(reply)),
            Some(b'$') => {}
            other => panic!("no reply begins with {other:?}"),
        }
    }
}

/// A request of these words.
pub(crate) fn request(words: &[&str]) -> Vec<u8> {
    let bulks = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    format!("*{}\r\n{}", words.len(), bulks.collect::<String>()).into_bytes()
}

/// Where cargo puts examples: beside the directory this test runs from.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().join("examples/kv")
}
