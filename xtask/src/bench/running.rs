//! A server that runs: started, known to answer, stopped when it is dropped.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use corelay_bench::response;
use rustix::process::{Pid, Signal, kill_process};

use super::servers::url;
use super::tools::{Tools, shown};

/// How long a server may take to begin to answer.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// How long a server may take to stop when asked to, before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks at a server that is starting or stopping.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A running server.
pub(crate) struct Running {
    child: Child,
    addresses: Vec<SocketAddr>,
    log_path: PathBuf,
    /// The command that started it, to be shown.
    pub(crate) command: String,
}

impl Running {
    /// Starts a server and waits until it gives the right answer at each of its addresses.
    ///
    /// Its output goes to a file under target/bench, which an error names.
    pub(crate) fn start(tools: &Tools, words: &[String], addresses: &[SocketAddr]) -> Result<Self> {
        Self::start_until(tools, words, addresses, |address| {
            let answer = response::fetch(&url(address))?;
            let is_right = answer.ends_with(response::BODY.as_bytes());
            Ok(if is_right { Ok(()) } else { Err(anyhow!("does not say {:?}", response::BODY)) })
        })
    }

    /// The same for a server whose answers are looked at later: it waits until the server accepts.
    pub(crate) fn start_accepting(tools: &Tools, words: &[String], addresses: &[SocketAddr]) -> Result<Self> {
        Self::start_until(tools, words, addresses, |address| {
            TcpStream::connect(address)?;
            Ok(Ok(()))
        })
    }

    fn start_until(
        tools: &Tools,
        words: &[String],
        addresses: &[SocketAddr],
        is_well: impl Fn(SocketAddr) -> Result<Result<()>>,
    ) -> Result<Self> {
        let command = shown(words);
        let log_path = tools.scratch("logs")?.join(format!("{}.log", addresses[0].port()));
        let log = File::create(&log_path)?;
        let child = tools
            .command(words)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start: {command}"))?;
        let mut running = Self { child, addresses: addresses.to_vec(), log_path, command };
        running
            .wait_until(is_well)
            .with_context(|| format!("{} (its output: {})", running.command, running.log_path.display()))?;
        Ok(running)
    }

    /// What it has written to its output so far.
    pub(crate) fn output(&self) -> Result<String> {
        std::fs::read_to_string(&self.log_path).with_context(|| self.log_path.display().to_string())
    }

    /// The process id; servers with workers have them as children.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The address for a round: they take turns.
    pub(crate) fn address(&self, round: usize) -> SocketAddr {
        self.addresses[round % self.addresses.len()]
    }

    /// Fails unless the server closes after a request that says `Connection: close`.
    pub(crate) fn ensure_it_closes(&self) -> Result<()> {
        response::fetch_and_close(&url(self.addresses[0]))
            .map(drop)
            .with_context(|| format!("{} does not honour Connection: close", self.command))
    }

    /// Asks the server to end, and waits until it has: its exit status.
    pub(crate) fn drain(mut self) -> Result<ExitStatus> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.child.wait().with_context(|| self.command.clone())
    }

    /// Waits until each of its addresses is well. Its inner error is one that waiting does not cure.
    fn wait_until(&mut self, is_well: impl Fn(SocketAddr) -> Result<Result<()>>) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        for address in self.addresses.clone() {
            loop {
                if let Some(status) = self.child.try_wait()? {
                    bail!("ended at once: {status}");
                }
                match is_well(address) {
                    Ok(Ok(())) => break,
                    Ok(wrong) => return wrong,
                    Err(error) if Instant::now() > deadline => return Err(error.context("does not answer")),
                    Err(_) => sleep(LOOK_AGAIN),
                }
            }
        }
        Ok(())
    }

    /// Asks the server to stop and waits for it; nginx's worker would outlive a master that is killed outright.
    fn stop(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let deadline = Instant::now() + STOP_PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                self.child.kill()?;
                self.child.wait()?;
                break;
            }
            sleep(LOOK_AGAIN);
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("cannot stop process {} ({}): {error}", self.id(), self.command);
        }
    }
}

/// As many loopback addresses as asked for, 127.0.0.1 upwards, with one port that was free a moment ago.
pub(crate) fn free_addresses(count: u8) -> Result<Vec<SocketAddr>> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    Ok((1..=count).map(|host| SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), port))).collect())
}
