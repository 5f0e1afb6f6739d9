//! Interleaved rounds: every server is loaded once a round, and compared with what ran beside it in that round.
//!
//! Each time it is a new process. Two processes of one program differ, for as long as they live, by what memory they happen to
//! have: by up to 7 % of CPU time per request here, pipelined, which is more than some of the bounds. A comparison of two
//! processes would find that, with a narrow interval, and call it a property of the programs.

use std::net::SocketAddr;

use anyhow::{Context, Result};

use super::options::{Options, Section};
use super::report::{Measurement, Row};
use super::running::{Running, free_addresses};
use super::servers::{Server, url, words};
use super::tools::{Tools, shown};
use super::wrk;
use corelay_load::process::usage::CpuTime;

/// Loopback addresses a server listens on when every request has a connection of its own.
///
/// A closed connection leaves its pair of addresses and ports in TIME_WAIT for 60 s. The rounds take the addresses in
/// turn, so that a run finds the 28,000 ephemeral ports towards its own address free of the last runs'.
const CLOSE_ADDRESSES: u8 = 8;

/// Load that is not counted, before each run.
const WARM_UP_SECONDS: u32 = 1;

/// The rows of [`compare_relay`].
pub(crate) const RELAY_ON: &str = "relay on";
pub(crate) const RELAY_OFF: &str = "relay off";

/// One server with what was measured of it.
struct Contender {
    command: Vec<String>,
    addresses: Vec<SocketAddr>,
    row: Row,
}

/// Compares servers, each on one CPU.
pub(crate) fn compare_servers(
    section: Section,
    servers: &[Server],
    options: &Options,
    tools: &Tools,
) -> Result<Measurement> {
    let mut contenders: Vec<Contender> = Vec::new();
    // Idle throughout: the floor repeats its response.
    let mut corelay = None;
    if servers.contains(&Server::Corelay) {
        let addresses = free_addresses(1)?;
        let command = Server::Corelay.command(tools, &addresses, None)?;
        corelay = Some(Running::start(tools, &command, &addresses)?);
    }
    for &server in servers {
        let addresses = addresses(section)?;
        let response_from = corelay.as_ref().map(|corelay| corelay.address(0));
        let command = server.command(tools, &addresses, response_from)?;
        contenders.push(contender(command, addresses, Row::new(server.name(), tools.version(server))));
    }
    interleave(section, contenders, options, tools)
}

/// Compares corelay's accept modes on two cores.
pub(crate) fn compare_accept_modes(
    section: Section,
    options: &Options,
    tools: &Tools,
) -> Result<Measurement> {
    let mut contenders = Vec::new();
    for mode in &options.accept_modes {
        let addresses = addresses(section)?;
        let mut command = words(&[&tools.program("corelay")?, "serve", "--cores", "2", "--accept", mode]);
        command.extend(addresses.iter().flat_map(|address| ["--listen".into(), address.to_string()]));
        let row = Row::new(&format!("corelay {mode}"), tools.version(Server::Corelay));
        contenders.push(contender(command, addresses, row));
    }
    interleave(section, contenders, options, tools)
}

/// Compares corelay with its relay off and on, each on one CPU: what the monitor costs where nothing blocks.
pub(crate) fn compare_relay(section: Section, options: &Options, tools: &Tools) -> Result<Measurement> {
    let mut contenders = Vec::new();
    // Off first: the others of a section are compared with its first.
    for (label, relay) in [(RELAY_OFF, "off"), (RELAY_ON, "on")] {
        let addresses = addresses(section)?;
        let mut command = Server::Corelay.command(tools, &addresses, None)?;
        command.extend(words(&["--relay", relay]));
        let row = Row::new(label, tools.version(Server::Corelay));
        contenders.push(contender(command, addresses, row));
    }
    interleave(section, contenders, options, tools)
}

fn addresses(section: Section) -> Result<Vec<SocketAddr>> {
    free_addresses(if section.closes() { CLOSE_ADDRESSES } else { 1 })
}

fn contender(command: Vec<String>, addresses: Vec<SocketAddr>, mut row: Row) -> Contender {
    row.command = shown(&command);
    Contender { command, addresses, row }
}

fn interleave(
    section: Section,
    mut contenders: Vec<Contender>,
    options: &Options,
    tools: &Tools,
) -> Result<Measurement> {
    for round in 0..options.pairs {
        eprintln!("{}: round {} of {}", section.title(), round + 1, options.pairs);
        for contender in &mut contenders {
            contender.measure(section, round, options.seconds, tools)?;
        }
        // A B, then B A: a drift of the machine within a round favours nobody, and neighbours stay neighbours.
        contenders.reverse();
    }
    if options.pairs % 2 == 1 {
        contenders.reverse();
    }
    let load = wrk::command(section, options.seconds, "URL", tools)?;
    let rows = contenders.into_iter().map(|contender| contender.row).collect();
    Ok(Measurement { section, load: shown(&load), rows })
}

impl Contender {
    /// One run, after a second that is not counted.
    fn measure(&mut self, section: Section, round: usize, seconds: u32, tools: &Tools) -> Result<()> {
        let running = Running::start(tools, &self.command, &self.addresses)?;
        if section.closes() && round == 0 {
            running.ensure_it_closes()?;
        }
        let load = |seconds| -> Result<wrk::Run> {
            let load = wrk::command(section, seconds, &url(running.address(round)), tools)?;
            wrk::run(&load, tools).with_context(|| self.row.label.clone())
        };
        load(WARM_UP_SECONDS)?;
        let before = CpuTime::read(running.id())?;
        let run = load(seconds)?;
        let used = CpuTime::read(running.id())?.since(&before);
        self.row.costs.push(used.as_secs_f64() * 1e6 / run.requests as f64);
        self.row.beside.push(run.requests_per_second);
        self.row.errors += run.errors;
        Ok(())
    }
}
