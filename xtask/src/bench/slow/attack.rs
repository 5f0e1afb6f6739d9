//! slowhttptest at work: started, waited for until all its connections are there, ended.

use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use corelay_bench::response;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::bench::driver::DRIVER_CPU;
use crate::bench::servers::words;
use crate::bench::tools::Tools;

/// A way to be slow.
pub(super) struct Attack {
    pub(super) name: &'static str,
    /// slowhttptest's mode, and how slow.
    options: &'static [&'static str],
    path: &'static str,
}

pub(super) const ATTACKS: [Attack; 3] = [
    Attack { name: "heads", options: &["-H", "-i", "10", "-x", "24"], path: "/plaintext" },
    Attack { name: "bodies", options: &["-B", "-i", "10", "-x", "16", "-s", "8192"], path: "/echo" },
    Attack {
        name: "reads",
        options: &["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32"],
        path: "/bytes/1000000",
    },
];

/// How long slowhttptest may take to open its connections.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at how many there are.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Connections that may be missing of a thousand: a few are always on their way.
const MISSING_MAX: u64 = 20;

/// An attack under way.
pub(super) struct Slow {
    child: Child,
    server: SocketAddr,
    wanted: u64,
}

/// The command: at a lower priority than the client, with descriptors for as many connections as the kernel lets it have.
pub(super) fn command(
    attack: &Attack,
    address: &str,
    connections: u64,
    tools: &Tools,
) -> Result<Vec<String>> {
    let (program, count) = (tools.program("slowhttptest")?, connections.to_string());
    let url = format!("http://{address}{}", attack.path);
    let mut command = words(&["nice", "-n", "5", "taskset", "-c", DRIVER_CPU, &program]);
    command.extend(words(attack.options));
    command.extend(words(&["-c", &count, "-r", "2500", "-l", "600", "-p", "60", "-v", "0", "-u", &url]));
    Ok(command)
}

impl Slow {
    /// Returns when all connections are open.
    pub(super) fn start(
        attack: &Attack,
        server: SocketAddr,
        connections: u64,
        tools: &Tools,
    ) -> Result<Self> {
        let command = command(attack, &server.to_string(), connections, tools)?;
        let log = std::fs::File::create(tools.scratch("logs")?.join("slowhttptest.log"))?;
        let mut command = tools.command(&command);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().context("cannot start slowhttptest")?;
        let mut slow = Self { child, server, wanted: connections - connections * MISSING_MAX / 1000 };
        let begun = Instant::now();
        while slow.open()? < slow.wanted {
            ensure!(
                slow.child.try_wait()?.is_none(),
                "slowhttptest has ended (target/bench/logs/slowhttptest.log)"
            );
            ensure!(begun.elapsed() < PATIENCE, "{} of {connections} connections were opened", slow.open()?);
            sleep(LOOK_AGAIN);
        }
        Ok(slow)
    }

    /// Ends it; how many of its connections were open until now.
    pub(super) fn end(self) -> Result<u64> {
        let open = self.open()?;
        ensure!(open >= self.wanted, "only {open} of its connections stayed open");
        Ok(open)
    }

    /// Connections the server has, but for the one that asks.
    fn open(&self) -> Result<u64> {
        let answer = response::fetch(&format!("http://{}/status", self.server))?;
        let body =
            answer.windows(4).position(|four| four == b"\r\n\r\n").context("an answer without a head")?;
        let status: Value = serde_json::from_slice(&answer[body + 4..]).context("the server's status")?;
        let connections = status["connections"].as_u64().context("a status with connections")?;
        Ok(connections.saturating_sub(1))
    }
}

impl Drop for Slow {
    /// SIGTERM would have it write a report first.
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}
