//! A running example, and a client of it. `cargo test` builds the examples before it runs this.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long a machine may take over something that must happen. Only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Killed if its test fails before it ended by itself.
pub(crate) struct Program {
    child: Child,
    address: SocketAddr,
    /// What replaces it says there that it listens, too.
    _output: BufReader<ChildStdout>,
    /// The process that has replaced `child`.
    replacement: Option<Pid>,
}

impl Program {
    pub(crate) fn start(name: &str, engine: &str) -> Self {
        let program = directory().join(name);
        let arguments = ["127.0.0.1:0", engine];
        let started = Command::new(&program).args(arguments).stdout(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| {
            panic!("{}: {error}; `cargo build --examples` makes it", program.display())
        });
        let (mut line, mut output) = (String::new(), BufReader::new(child.stdout.take().unwrap()));
        output.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { child, address, _output: output, replacement: None }
    }

    pub(crate) fn client(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(BufReader::new(stream))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Has it replaced by another process of the same program, and waits until it has ended.
    pub(crate) fn replace(&mut self) {
        let id = self.child.id();
        kill_process(Pid::from_child(&self.child), Signal::USR2).unwrap();
        self.replacement = loop {
            // Whichever of its threads has started it.
            let tasks = fs::read_dir(format!("/proc/{id}/task")).unwrap();
            let children = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("children")));
            let child = children.flatten().find_map(|children| children.trim().parse().ok());
            if let Some(child) = child.and_then(Pid::from_raw) {
                break Some(child);
            }
            assert!(self.child.try_wait().unwrap().is_none(), "it ended, and nobody had replaced it");
            thread::yield_now();
        };
        assert!(self.child.wait().unwrap().success());
    }

    /// Has it drain, as a service manager does.
    pub(crate) fn stop(&self) {
        kill_process(self.replacement.unwrap_or_else(|| Pid::from_child(&self.child)), Signal::TERM).unwrap();
    }

    pub(crate) fn end(self) {
        self.stop();
        self.wait();
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) {
        match self.replacement.take() {
            // No child of this process: its listener goes with it.
            Some(_) => while TcpStream::connect(self.address).is_ok() {},
            None => assert!(self.child.wait().unwrap().success()),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already gone after `end`: then both say so, and that is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(replacement) = self.replacement {
            let _ = kill_process(replacement, Signal::KILL);
        }
    }
}

/// Where cargo puts examples: beside the directory this test runs from.
fn directory() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().join("examples")
}

pub(crate) struct Client(pub(crate) BufReader<TcpStream>);

impl Client {
    pub(crate) fn say(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Sends until there is no room for more, here and at the server; how much that was.
    pub(crate) fn write_until_full(&mut self) -> usize {
        let stream = self.0.get_mut();
        stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut sent = 0;
        while let Ok(count) = stream.write(&[b'x'; 64 * 1024]) {
            sent += count;
        }
        sent
    }

    /// So many bytes.
    pub(crate) fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// The next line; empty at the end.
    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}
