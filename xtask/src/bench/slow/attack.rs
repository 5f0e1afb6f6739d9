//! slowhttptest at work: started, waited for until all its connections are there, ended.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use corelay_bench::response;
use serde_json::Value;

use crate::bench::servers::words;
use crate::bench::tools::Tools;

/// The CPU of slowhttptest, which it has for itself.
const ATTACK_CPU: &str = "1";

/// A way to be slow.
#[derive(Debug, PartialEq)]
pub(super) struct Attack {
    pub(super) name: &'static str,
    /// slowhttptest's mode, and how slow.
    options: &'static [&'static str],
    path: &'static str,
    /// The server has the limits that it has by default, and ends the attack by them.
    pub(super) is_ended: bool,
}

/// Each connection does its bit every 3 s: within what is measured, which is as long, all of them do.
pub(super) const ATTACKS: [Attack; 3] = [
    Attack { name: "heads", options: &["-H", "-i", "3", "-x", "24"], path: "/plaintext", is_ended: false },
    Attack {
        name: "bodies",
        options: &["-B", "-i", "3", "-x", "16", "-s", "8192"],
        path: "/echo",
        is_ended: false,
    },
    Attack {
        name: "reads",
        options: &["-X", "-w", "512", "-y", "1024", "-n", "3", "-z", "32"],
        path: "/bytes/1000000",
        is_ended: true,
    },
];

/// Processes of slowhttptest, which have the connections between them: one looks at all its descriptors whenever it wakes.
const PROCESSES: u64 = 20;
/// Connections that all of them open a second.
const OPENED_PER_SECOND: u64 = 5000;
/// How long they may take to open its connections.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the server may take to end them: its deadlines, twice.
const END_PATIENCE: Duration = Duration::from_secs(150);
/// Between two looks at how many there are.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Connections that may be missing of a thousand: a few are always on their way.
const MISSING_MAX: u64 = 20;

/// An attack under way.
pub(super) struct Slow {
    children: Vec<Child>,
    server: SocketAddr,
    wanted: u64,
}

impl Attack {
    /// The attack of that name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        ATTACKS.iter().find(|attack| attack.name == name)
    }

    /// The command line of each process.
    pub(super) fn command(&self, address: &str, connections: u64, tools: &Tools) -> Result<Vec<String>> {
        let program = tools.program("slowhttptest")?;
        let [count, rate] = [connections, OPENED_PER_SECOND].map(|all| all.div_ceil(PROCESSES).to_string());
        let url = format!("http://{address}{}", self.path);
        // It does not inherit a priority that the measurement was given.
        let mut command = words(&["chrt", "--other", "0", "taskset", "-c", ATTACK_CPU, &program]);
        command.extend(words(self.options));
        command.extend(words(&["-c", &count, "-r", &rate, "-l", "600", "-p", "60", "-v", "0", "-u", &url]));
        Ok(command)
    }
}

impl Slow {
    /// Returns when all connections are open.
    pub(super) fn start(
        attack: &Attack,
        server: SocketAddr,
        connections: u64,
        tools: &Tools,
    ) -> Result<Self> {
        let command = attack.command(&server.to_string(), connections, tools)?;
        let wanted = connections - connections * MISSING_MAX / 1000;
        let mut slow = Self { children: Vec::new(), server, wanted };
        for _ in 0..PROCESSES {
            let log = std::fs::File::create(tools.scratch("logs")?.join("slowhttptest.log"))?;
            let mut command = tools.command(&command);
            command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            slow.children.push(command.spawn().context("cannot start slowhttptest")?);
        }
        let begun = Instant::now();
        while slow.open()? < slow.wanted {
            for child in &mut slow.children {
                let ended = child.try_wait()?.is_some();
                ensure!(!ended, "slowhttptest has ended (target/bench/logs/slowhttptest.log)");
            }
            ensure!(begun.elapsed() < PATIENCE, "{} of {connections} connections were opened", slow.open()?);
            sleep(LOOK_AGAIN);
        }
        Ok(slow)
    }

    /// How many of its connections are open, which are all of them.
    pub(super) fn all_open(&self) -> Result<u64> {
        let open = self.open()?;
        ensure!(open >= self.wanted, "only {open} of its connections stayed open");
        Ok(open)
    }

    /// Returns when the server has ended them, and slowhttptest is gone, for what it gives back to the kernel is work for the machine; and why
    /// the server did: how many by each reason.
    pub(super) fn wait_until_ended(&mut self) -> Result<BTreeMap<String, u64>> {
        let begun = Instant::now();
        while self.open()? > 0 {
            ensure!(begun.elapsed() < END_PATIENCE, "{} of its connections are not ended", self.open()?);
            sleep(LOOK_AGAIN);
        }
        self.end();
        let status = self.status()?;
        let mut reasons = BTreeMap::new();
        for core in status["cores"].as_array().into_iter().flatten() {
            for (reason, count) in core["closes"].as_object().into_iter().flatten() {
                *reasons.entry(reason.clone()).or_default() += count.as_u64().unwrap_or_default();
            }
        }
        reasons.retain(|_, count| *count > 0);
        Ok(reasons)
    }

    /// Ends its processes; SIGTERM would have them write a report first.
    fn end(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Connections the server has, but for the one that asks.
    fn open(&self) -> Result<u64> {
        let connections = self.status()?["connections"].as_u64().context("a status with connections")?;
        Ok(connections.saturating_sub(1))
    }

    fn status(&self) -> Result<Value> {
        let answer = response::fetch(&format!("http://{}/status", self.server))?;
        let body =
            answer.windows(4).position(|four| four == b"\r\n\r\n").context("an answer without a head")?;
        serde_json::from_slice(&answer[body + 4..]).context("the server's status")
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.end();
    }
}
