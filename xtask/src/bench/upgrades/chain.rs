//! A server and the processes that replace it, each started by the one before.

use std::fs;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use corelay_bench::response;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::bench::running::Running;

/// How long an upgrade may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// The process that serves, and the first one, which this one has started.
pub(super) struct Chain {
    first: Running,
    id: u32,
    address: SocketAddr,
}

impl Chain {
    pub(super) fn of(first: Running, address: SocketAddr) -> Result<Self> {
        Ok(Self { id: first.id(), first, address })
    }

    /// Has it replaced; how long that took, to the end of the old process.
    pub(super) fn upgrade(&mut self) -> Result<Duration> {
        let (began, old) = (Instant::now(), self.id);
        signal(old, Signal::USR2)?;
        let new = until("a new process", || Ok(child_of(old)))?;
        until("the end of the old process", || Ok((!is_running(old)).then_some(())))?;
        self.id = new;
        Ok(began.elapsed())
    }

    /// Connections that the server has closed for a reason of its own, as it counts them: not because the peer had closed.
    pub(super) fn closed_by_server(&self) -> Result<u64> {
        let answer = response::fetch(&format!("http://{}/status", self.address))?;
        let body =
            answer.windows(4).position(|window| window == b"\r\n\r\n").context("an answer has a body")?;
        let status: Value = serde_json::from_slice(&answer[body + 4..]).context("the status is JSON")?;
        let cores = status["cores"].as_array().context("the status has cores")?;
        let closes = cores.iter().filter_map(|core| core["closes"].as_object()).flatten();
        let by_server = closes.filter(|(reason, _)| reason.as_str() != "peer_closed");
        Ok(by_server.filter_map(|(_, count)| count.as_u64()).sum())
    }
}

impl Drop for Chain {
    /// The first process ends with its handle; one that has replaced it is nobody's child.
    fn drop(&mut self) {
        if self.id != self.first.id() {
            let _ = signal(self.id, Signal::KILL);
        }
    }
}

fn signal(id: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw).context("a process id")?;
    Ok(kill_process(pid, signal)?)
}

fn child_of(id: u32) -> Option<u32> {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).ok()?;
    let children = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    children
        .collect::<Vec<_>>()
        .iter()
        .flat_map(|text| text.split_whitespace())
        .find_map(|child| child.parse().ok())
}

/// Not when it has ended and nobody has asked how yet.
fn is_running(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

fn until<T>(what: &str, look: impl Fn() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("an upgrade has not come to {what}");
        }
        sleep(LOOK_AGAIN);
    }
}
