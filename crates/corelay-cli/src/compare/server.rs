//! A server while it is measured: started, known to answer, looked at, stopped.
//!
//! Three kinds. An engine of corelay is this program again, as `corelay serve`; it says where it listens. A command of the
//! user's gets a free port in place of `{port}`, and is known to serve when it accepts. A URL is somebody else's: its process
//! is not known, and its CPU time and memory are not.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use corelay_load::process::family;
use rustix::process::{Pid, Signal, kill_process};

use super::contender::Contender;
use super::processors::{Processors, started_on};

/// How long a server may take to begin to accept.
const START_PATIENCE: Duration = Duration::from_secs(20);
/// How long it may take to stop when asked to, before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at one that is starting or stopping.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long the end of what it says on standard error is waited for, when it is to be told.
const WORDS_PATIENCE: Duration = Duration::from_secs(1);
/// What is kept of what it says on standard error, in bytes.
const WORDS_MAX: usize = 4_096;

/// A server that accepts connections.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    /// The value of Host.
    pub(super) host: String,
    /// `None` of one that somebody else started.
    process: Option<Process>,
}

/// A server's process, ended when it is dropped.
struct Process {
    child: Child,
    words: Arc<Mutex<Vec<u8>>>,
    /// Yields nothing, and hangs up when all it said has been read.
    all_read: Receiver<()>,
}

impl Server {
    /// Starts it, or finds it, and waits until it accepts.
    pub(super) fn start(contender: &Contender, processors: &Processors) -> Result<Self> {
        match contender {
            Contender::Engine(engine) => Self::start_engine(engine, processors),
            Contender::Url(url) => {
                let address = url.resolve()?;
                TcpStream::connect_timeout(&address, START_PATIENCE)
                    .with_context(|| format!("nobody accepts at {address}"))?;
                Ok(Self { address, host: url.authority.clone(), process: None })
            }
            Contender::Command { command, .. } => Self::start_command(command, processors),
        }
    }

    fn start_engine(engine: &str, processors: &Processors) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(Contender::serve_arguments(engine)).stdout(Stdio::piped());
        let mut process = Process::start(&mut command, &processors.server)?;
        let announced = BufReader::new(process.child.stdout.take().context("its output is piped")?);
        let mut lines = announced.lines();
        let address = lines
            .next()
            .transpose()?
            .and_then(|line| Some(line.strip_prefix("listening on http://")?.parse()));
        let Some(Ok(address)) = address else { bail!("it did not begin to listen{}", process.last_words()) };
        // It writes on, and is not to find its reader gone.
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(Self { address, host: address.to_string(), process: Some(process) })
    }

    fn start_command(command: &str, processors: &Processors) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command.replace("{port}", &port.to_string())).stdout(Stdio::null());
        let mut process = Process::start(&mut shell, &processors.server)?;
        let deadline = Instant::now() + START_PATIENCE;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = process.child.try_wait()? {
                bail!("it ended at once: {status}{}", process.last_words());
            }
            if Instant::now() > deadline {
                bail!("nobody accepts at {address} after {START_PATIENCE:?}{}", process.last_words());
            }
            sleep(LOOK_AGAIN);
        }
        Ok(Self { address, host: address.to_string(), process: Some(process) })
    }

    /// The process to be looked at; those that descend from it belong to it.
    pub(super) fn id(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.child.id())
    }

    /// How it ended, if it did, with what it said last.
    pub(super) fn ended(&mut self) -> Option<String> {
        let process = self.process.as_mut()?;
        let status: ExitStatus = process.child.try_wait().ok().flatten()?;
        Some(format!("the server ended in the middle of it: {status}{}", process.last_words()))
    }
}

impl Process {
    fn start(command: &mut Command, cpus: &[usize]) -> Result<Self> {
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = started_on(cpus, || command.spawn())?.context("it cannot be started")?;
        let words = Arc::default();
        let (reading, all_read) = mpsc::channel();
        if let Some(errors) = child.stderr.take() {
            let words = Arc::clone(&words);
            thread::spawn(move || {
                keep_last(errors, &words);
                drop(reading);
            });
        }
        Ok(Self { child, words, all_read })
    }

    /// What it said on standard error, to be put behind what is wrong with it; empty if it said nothing.
    fn last_words(&mut self) -> String {
        // Of one that has ended, at once; a child that it left behind may keep it from ending.
        let _ = self.all_read.recv_timeout(WORDS_PATIENCE);
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let words = String::from_utf8_lossy(&words);
        let last: Vec<_> = words.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = last.iter().rev().take(3).rev().map(|line| line.escape_debug().to_string());
        let last: Vec<_> = last.collect();
        if last.is_empty() { String::new() } else { format!("; it said: {}", last.join(" / ")) }
    }

    /// Asks it and its children to stop, and waits for it.
    fn stop(&mut self) -> std::io::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        let members = family(self.child.id()).unwrap_or_else(|_| vec![self.child.id()]);
        signal(&members, Signal::TERM);
        let deadline = Instant::now() + STOP_PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                let members = family(self.child.id()).unwrap_or_default();
                signal(&members, Signal::KILL);
                self.child.kill()?;
                self.child.wait()?;
                break;
            }
            sleep(LOOK_AGAIN);
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            crate::complain(format_args!("cannot stop process {}: {error}", self.child.id()));
        }
    }
}

/// One of them may have ended on its own: that is no error.
fn signal(processes: &[u32], signal: Signal) {
    for process in processes {
        let process = i32::try_from(*process).ok().and_then(Pid::from_raw);
        if let Some(process) = process {
            let _ = kill_process(process, signal);
        }
    }
}

/// Reads to the end, and keeps the last of it.
fn keep_last(mut from: impl Read, words: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
        words.extend_from_slice(&buffer[..count]);
        let surplus = words.len().saturating_sub(WORDS_MAX);
        words.drain(..surplus);
    }
}
