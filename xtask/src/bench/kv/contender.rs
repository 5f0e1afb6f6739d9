//! The servers: how each is started, known to answer, and stopped.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::bench::running::free_addresses;
use crate::bench::servers::words;
use crate::bench::tools::Tools;

/// How long a server may take to begin to answer.
const START_PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at a server that is starting.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A server to compare.
pub(super) enum Contender {
    Kv {
        label: &'static str,
        cpus: &'static str,
        shards: &'static str,
    },
    /// On CPU 0, one I/O thread, nothing written to disk.
    Redis,
}

/// A running server; ended when it is dropped.
pub(super) struct Serving {
    child: Child,
    pub(super) port: u16,
}

impl Contender {
    pub(super) fn kv(label: &'static str, cpus: &'static str, shards: &'static str) -> Self {
        Self::Kv { label, cpus, shards }
    }

    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Kv { label, .. } => label,
            Self::Redis => "redis-server",
        }
    }

    /// The command, for this port.
    pub(super) fn command(&self, port: &str, tools: &Tools) -> Result<Vec<String>> {
        Ok(match self {
            Self::Kv { cpus, shards, .. } => {
                let (program, address) = (tools.program("kv")?, format!("127.0.0.1:{port}"));
                words(&["taskset", "-c", cpus, &program, &address, "--cpus", cpus, "--shards", shards])
            }
            Self::Redis => {
                let mut command = words(&["taskset", "-c", "0", &tools.program("redis-server")?]);
                command.extend(words(&["--bind", "127.0.0.1", "--port", port, "--io-threads", "1"]));
                command.extend(words(&["--save", "", "--appendonly", "no"]));
                command
            }
        })
    }

    /// Starts it and waits until it answers.
    pub(super) fn start(&self, tools: &Tools) -> Result<Serving> {
        let port = free_addresses(1)?[0].port();
        let command = self.command(&port.to_string(), tools)?;
        let mut started = tools.command(&command);
        let child = started.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let mut serving = Serving { child: child.with_context(|| command.join(" "))?, port };
        serving.wait_for_answer().with_context(|| command.join(" "))?;
        Ok(serving)
    }
}

impl Serving {
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    fn wait_for_answer(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("ended at once: {status}");
            }
            match ping(self.port) {
                Ok(answer) => {
                    ensure!(answer == *b"+PONG\r\n", "says {}", answer.escape_ascii());
                    return Ok(());
                }
                Err(error) if Instant::now() > deadline => return Err(error).context("does not answer"),
                Err(_) => sleep(LOOK_AGAIN),
            }
        }
    }
}

fn ping(port: u16) -> std::io::Result<[u8; 7]> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(START_PATIENCE))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

impl Drop for Serving {
    fn drop(&mut self) {
        let asked = kill_process(Pid::from_child(&self.child), Signal::TERM);
        if let Err(error) = asked.map_err(Into::into).and_then(|()| self.child.wait()) {
            eprintln!("cannot stop process {}: {error}", self.id());
        }
    }
}
