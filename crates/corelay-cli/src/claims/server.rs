//! A server that runs in a process of its own: started, known to listen, stopped when it is dropped.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::setup::{Setup, shown_on, words};
use crate::compare::processors::started_on;

/// How long a server may take to stop when asked to, before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What a server says first.
const ANNOUNCEMENT: &str = "listening on http://";

/// A running server.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
    /// Where it may run.
    pub(super) cpus: Vec<usize>,
    /// As it would be typed.
    pub(super) command: String,
    /// Open for as long as the server may write to it.
    _output: BufReader<ChildStdout>,
    log: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts `corelay serve` with these flags, on a free port of 127.0.0.1, on these processors.
    pub(super) fn serve(setup: &Setup, cpus: &[usize], flags: &[&str]) -> Result<Self> {
        let fixed = ["serve", "--listen", "127.0.0.1:0", "--drain", "0s"];
        Self::start(setup, cpus, &words(&[&fixed, flags].concat()))
    }

    /// Starts this program with arguments that make it a server which says where it listens.
    pub(super) fn start(setup: &Setup, cpus: &[usize], arguments: &[String]) -> Result<Self> {
        Self::launch(setup.corelay(arguments), cpus, shown_on(cpus, arguments))
    }

    /// Starts a command that becomes such a server; it is shown as `shown`.
    pub(super) fn launch(mut command: Command, cpus: &[usize], shown: String) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = started_on(cpus, || command.spawn());
        let mut child = child.flatten().with_context(|| format!("cannot start: {shown}"))?;
        let mut errors = child.stderr.take().context("its standard error is piped")?;
        let log = thread::spawn(move || {
            let mut log = Vec::new();
            let _ = errors.read_to_end(&mut log);
            String::from_utf8_lossy(&log).into_owned()
        });
        let mut output = BufReader::new(child.stdout.take().context("its output is piped")?);
        match announced(&mut output) {
            Ok(address) => Ok(Self {
                child,
                address,
                cpus: cpus.to_vec(),
                command: shown,
                _output: output,
                log: Some(log),
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                let log = log.join().unwrap_or_default();
                Err(error.context(format!("{shown}: {}", log.trim())))
            }
        }
    }

    /// The same, where its command is wanted once of several of its kind.
    pub(super) fn noted(self, commands: &mut Vec<String>) -> Self {
        if !commands.contains(&self.command) {
            commands.push(self.command.clone());
        }
        self
    }

    /// The process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The process, for system calls.
    pub(super) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Stops it, and gives all that it logged.
    pub(super) fn finish(mut self) -> Result<String> {
        self.stop()?;
        let log = self.log.take().context("taken once")?;
        log.join().ok().context("the thread that reads the log panicked")
    }

    fn stop(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        kill_process(self.pid(), Signal::TERM)?;
        let deadline = Instant::now() + STOP_PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                self.child.kill()?;
                self.child.wait()?;
                break;
            }
            thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            crate::complain(format_args!("cannot stop process {} ({}): {error}", self.id(), self.command));
        }
    }
}

/// Where a server says that it listens.
fn announced(output: &mut impl BufRead) -> Result<SocketAddr> {
    for line in output.lines() {
        if let Some(address) = line?.strip_prefix(ANNOUNCEMENT) {
            return Ok(address.parse()?);
        }
    }
    bail!("it ended before it listened")
}
