//! A server and the processes that replace it, each started by the one before.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use corelay_bench::response;
use corelay_poll::{Events, Interest, Poller, Process, Token, Trigger};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::bench::running::Running;

/// How long an old process may live on once it has handed over all.
const PATIENCE: Duration = Duration::from_secs(60);

/// The process that serves, and the first one, which this one has started.
pub(super) struct Chain {
    first: Running,
    id: u32,
    address: SocketAddr,
    /// The binary, by a path that nobody changes.
    corelay: PathBuf,
    /// How often it was asked what it has counted, each time on a connection of its own.
    asked: Cell<u64>,
}

/// What the server has counted.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    /// Without those that asked for this.
    pub(super) accepted: u64,
    pub(super) open: u64,
    /// Connections that it has closed for a reason of its own: not because the peer had closed.
    pub(super) closed: u64,
}

impl Chain {
    pub(super) fn of(first: Running, address: SocketAddr, corelay: PathBuf) -> Self {
        Self { id: first.id(), first, address, corelay, asked: Cell::new(0) }
    }

    /// Has it replaced, as a user does; how long that took, to the end of the old process.
    pub(super) fn upgrade(&mut self) -> Result<Duration> {
        let (began, old) = (Instant::now(), Process::watch(self.id)?);
        let said = self.ask()?;
        ensure!(said.status.success(), "an upgrade failed: {}", text(&said.stderr));
        let said = text(&said.stdout);
        let new = said.rsplit(' ').next().and_then(|id| id.parse().ok());
        let new = new.filter(|_| said.contains("is replaced by"));
        let new = new.with_context(|| format!("an upgrade ended otherwise than by a replacement: {said}"))?;
        wait_for_end(&old)?;
        self.id = new;
        Ok(began.elapsed())
    }

    /// Begins an upgrade whose new process is killed: the old one goes on and says so, and why.
    pub(super) fn upgrade_in_vain(&self) -> Result<String> {
        let said = self.ask()?;
        let told = text(&said.stderr);
        let went_on = !said.status.success() && told.contains("goes on as it was");
        ensure!(
            went_on,
            "the new process was to be killed, and that came of it: {told}{}",
            text(&said.stdout)
        );
        Ok(told)
    }

    fn ask(&self) -> Result<Output> {
        Command::new(&self.corelay)
            .args(["upgrade", &self.id.to_string()])
            .output()
            .context("corelay upgrade does not run")
    }

    pub(super) fn counted(&self) -> Result<Counted> {
        let answer = response::fetch(&format!("http://{}/status", self.address))?;
        let body =
            answer.windows(4).position(|window| window == b"\r\n\r\n").context("an answer has a body")?;
        let status: Value = serde_json::from_slice(&answer[body + 4..]).context("the status is JSON")?;
        let cores = status["cores"].as_array().context("the status has cores")?;
        let sum = |name: &str| cores.iter().filter_map(|core| core[name].as_u64()).sum::<u64>();
        let closes = cores.iter().filter_map(|core| core["closes"].as_object()).flatten();
        let by_server = closes.filter(|(reason, _)| reason.as_str() != "peer_closed");
        self.asked.set(self.asked.get() + 1);
        Ok(Counted {
            accepted: sum("connections_accepted") - self.asked.get(),
            open: status["connections"].as_u64().context("the status has its connections")?,
            closed: by_server.filter_map(|(_, count)| count.as_u64()).sum(),
        })
    }
}

impl Drop for Chain {
    /// The first process ends with its handle; one that has replaced it is nobody's child.
    fn drop(&mut self) {
        let pid = i32::try_from(self.id).ok().and_then(Pid::from_raw);
        if self.id != self.first.id()
            && let Some(pid) = pid
        {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

fn wait_for_end(process: &Process) -> Result<()> {
    let poller = Poller::new()?;
    poller.add(process, Token::new(0, 0), Interest::READ, Trigger::Level)?;
    if poller.wait(&mut Events::with_capacity(1), Some(PATIENCE))? == 0 {
        bail!("an old process does not end");
    }
    Ok(())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
