//! `cargo xtask bench engines sweep`: `threads` with ever more connections, until a thread cannot be created.
//!
//! ```text
//! a step more, a process each ─▶ … ─▶ 503: which limit does the log name? ─▶ a step beyond: 503 as well, nobody held is lost
//!                                       ─▶ half of them leave, threads end ─▶ a step more is served again ─▶ all leave
//! ```
//!
//! The clients are `idle-client`, one for each step, so that their descriptors never run out; each fails if the server closed
//! a connection that it held. A server has descriptors for about as many connections as its limit says. Limits that
//! are lower than the machine's are set on the server by prlimit(1).
//!
//! Deliberately absent: load on the connections that are held. What a sleeping thread takes is what runs out.

mod limit;
mod options;
mod table;

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use corelay_bench::response;
use rustix::process::{Resource, getrlimit};

use super::case::Engine;
use crate::bench::holding::Holding;
use crate::bench::running::{Running, free_addresses};
use crate::bench::servers::{Server, url, words};
use crate::bench::tools::{Tools, shown};
use corelay_load::machine::Machine;
use corelay_load::process::footprint::Footprint;
use corelay_load::process::usage::in_file;
use limit::Limit;
use options::Options;
use table::Table;

/// Descriptors of the server that are no connection's: its listeners and pollers, and one for a client who is refused.
const DESCRIPTORS_KEPT: u64 = 100;

/// How long threads may take to end when their connections have.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What became of a server that has a limit.
#[derive(Debug, Default)]
struct Swept {
    command: String,
    steps: Vec<Step>,
    /// The limit that its log names; `None` if it refused nobody.
    named: Option<String>,
    /// Of a step beyond the limit.
    beyond: Answers,
    /// Of a step when half of the others had left.
    again: Answers,
}

/// One more step.
#[derive(Debug)]
struct Step {
    answers: Answers,
    /// Connections held, with those of the steps before.
    held: usize,
    footprint: Footprint,
}

/// What the connections of a step got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Answers {
    held: usize,
    refused: usize,
    failed: usize,
}

/// Sweeps and prints the table.
///
/// # Errors
///
/// A wrong argument; a server or client that does not run; and, after the table is printed, a limit that was not named, a server
/// that lost a connection it had, or that did not serve again.
pub(super) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let tools = Tools::prepare_programs(&[("corelay-cli", "corelay"), ("corelay-bench", "idle-client")])?;
    let mut machine = Machine::observe(tools.cpus);
    let mut swept = Vec::new();
    for &limit in &options.limits {
        let found = sweep(limit, options.step, &tools)
            .with_context(|| format!("with the limit `{}` (--limits can leave it out)", limit.name()))?;
        swept.push((limit, found));
    }
    machine.finish();
    let version = tools.version(Server::Corelay).to_owned();
    let client = shown(&client_command("127.0.0.1:PORT", options.step, &tools)?);
    let table = Table { machine, version, step: options.step, client, swept };
    print!("{table}");
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", table.json()))?;
    }
    let faults = table.faults();
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

fn sweep(limit: Limit, step: usize, tools: &Tools) -> Result<Swept> {
    let addresses = free_addresses(1)?;
    let command = [limit.prefix(), Engine::Threads.command(tools, &addresses[0].to_string())?].concat();
    let server = Running::start(tools, &command, &addresses)?;
    let mut swept = Swept { command: server.command.clone(), ..Swept::default() };
    let mut clients = climb(limit, step, &server, &mut swept, tools)?;
    swept.named = named_limit(&server.output()?);
    if swept.named.is_some() {
        // It refuses all of them and loses none of those before: their clients look when they are released.
        let (client, answers) = open(addresses[0], step, tools)?;
        client.release()?;
        swept.beyond = answers;
    }
    let half = clients.len() / 2;
    for client in clients.drain(half..) {
        client.release().context("beyond the limit")?;
    }
    let held: usize = swept.steps[..half].iter().map(|step| step.answers.held).sum();
    wait_for_threads(server.id(), held + step / 2)?;
    let (client, answers) = open(addresses[0], step, tools)?;
    swept.again = answers;
    clients.push(client);
    for client in clients {
        client.release().context("when half of the connections had left")?;
    }
    wait_for_threads(server.id(), step)?;
    response::fetch(&url(addresses[0])).context("a server that nobody loads any more")?;
    Ok(swept)
}

/// Opens step after step until one is not served whole, or the server's descriptors end.
fn climb(
    limit: Limit,
    step: usize,
    server: &Running,
    swept: &mut Swept,
    tools: &Tools,
) -> Result<Vec<Holding>> {
    let descriptors = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let held_max = descriptors.saturating_sub(DESCRIPTORS_KEPT) as usize;
    let (mut clients, mut held) = (Vec::new(), 0);
    while held + step <= held_max {
        let (client, answers) = open(server.address(0), step, tools)?;
        clients.push(client);
        held += answers.held;
        eprintln!("engines sweep, {}: {held} connections held", limit.name());
        swept.steps.push(Step { answers, held, footprint: Footprint::read(server.id())? });
        if answers.held < step {
            break;
        }
    }
    Ok(clients)
}

fn open(address: SocketAddr, count: usize, tools: &Tools) -> Result<(Holding, Answers)> {
    let command = client_command(&address.to_string(), count, tools)?;
    let mut client = Holding::launch(&command, b"", tools)?;
    let said = client.line()?;
    let answers = Answers::parse(&said).with_context(|| format!("idle-client said {said:?}"))?;
    Ok((client, answers))
}

fn client_command(address: &str, count: usize, tools: &Tools) -> Result<Vec<String>> {
    Ok(words(&[&tools.program("idle-client")?, address, &count.to_string(), "--unless-refused"]))
}

/// A connection's thread ends some time after its connection, as the server hears of it.
fn wait_for_threads(server: u32, threads_max: usize) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let status = format!("/proc/{server}/status");
    loop {
        let threads = in_file(&status, "Threads:")? as usize;
        if threads <= threads_max {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{threads} threads are left {PATIENCE:?} after their connections went");
        }
        sleep(LOOK_AGAIN);
    }
}

impl Answers {
    /// `holding 870, 503 130, failed 0`.
    fn parse(said: &str) -> Option<Self> {
        let mut parts = said.trim().split(", ");
        let mut number = |name| parts.next()?.strip_prefix(name)?.trim().parse().ok();
        Some(Self { held: number("holding")?, refused: number("503")?, failed: number("failed")? })
    }
}

/// What stands behind `limit=` in the line that the server writes when it has no thread for a connection.
fn named_limit(log: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains("no thread for a new connection"))?;
    let named = line.split_once("limit=")?.1;
    let end = named.find(" threads=").unwrap_or(named.len());
    Some(named[..end].trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_says_is_understood() {
        let answers = Answers { held: 870, refused: 130, failed: 0 };
        assert_eq!(Answers::parse("holding 870, 503 130, failed 0\n"), Some(answers));
        assert_eq!(Answers::parse("holding 870\n"), None);
    }

    #[test]
    fn the_limit_is_found_in_the_log() {
        let log = "INFO listening\nWARN no thread for a new connection: it gets a 503, as do others until threads end \
                   limit=vm.max_map_count threads=15870\n";
        assert_eq!(named_limit(log).as_deref(), Some("vm.max_map_count"));
        assert_eq!(named_limit("INFO listening\n"), None);
    }
}
