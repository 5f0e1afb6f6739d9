//! Interleaved rounds: every server is loaded once a round, and compared with what ran beside it in that round.

use std::net::SocketAddr;

use anyhow::{Context, Result};

use super::options::{Options, Section};
use super::process::CpuTime;
use super::report::{Measurement, Row};
use super::running::{Running, free_addresses};
use super::servers::{Server, url, words};
use super::tools::{Tools, shown};
use super::wrk;

/// Loopback addresses a server listens on when every request has a connection of its own.
///
/// A closed connection leaves its pair of addresses and ports in TIME_WAIT for 60 s. The rounds take the addresses in
/// turn, so that a run finds the 28,000 ephemeral ports towards its own address free of the last runs'.
const CLOSE_ADDRESSES: u8 = 8;

/// The rows of [`compare_relay`].
pub(crate) const RELAY_ON: &str = "relay on";
pub(crate) const RELAY_OFF: &str = "relay off";

/// One server with what was measured of it.
struct Contender {
    running: Running,
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
    let mut corelay = None;
    // corelay first, whatever the order asked for: the floor repeats its response.
    let mut in_order = servers.to_vec();
    in_order.sort_by_key(|&server| server != Server::Corelay);
    for server in in_order {
        let addresses = addresses(section)?;
        let command = server.command(tools, &addresses, corelay)?;
        if server == Server::Corelay {
            corelay = Some(addresses[0]);
        }
        let row = Row::new(server.name(), tools.version(server));
        contenders.push(start(section, tools, &command, &addresses, row)?);
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
        contenders.push(start(section, tools, &command, &addresses, row)?);
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
        contenders.push(start(section, tools, &command, &addresses, row)?);
    }
    interleave(section, contenders, options, tools)
}

fn addresses(section: Section) -> Result<Vec<SocketAddr>> {
    free_addresses(if section.closes() { CLOSE_ADDRESSES } else { 1 })
}

fn start(
    section: Section,
    tools: &Tools,
    command: &[String],
    addresses: &[SocketAddr],
    mut row: Row,
) -> Result<Contender> {
    let running = Running::start(tools, command, addresses)?;
    if section.closes() {
        running.ensure_it_closes()?;
    }
    row.command = running.command.clone();
    Ok(Contender { running, row })
}

fn interleave(
    section: Section,
    mut contenders: Vec<Contender>,
    options: &Options,
    tools: &Tools,
) -> Result<Measurement> {
    for contender in &contenders {
        contender.warm_up(section, tools)?;
    }
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
    /// One second that is not counted.
    fn warm_up(&self, section: Section, tools: &Tools) -> Result<()> {
        let load = wrk::command(section, 1, &url(self.running.address(0)), tools)?;
        wrk::run(&load, tools).map(drop).with_context(|| self.row.label.clone())
    }

    fn measure(&mut self, section: Section, round: usize, seconds: u32, tools: &Tools) -> Result<()> {
        let load = wrk::command(section, seconds, &url(self.running.address(round)), tools)?;
        let before = CpuTime::read(self.running.id())?;
        let run = wrk::run(&load, tools).with_context(|| self.row.label.clone())?;
        let used = CpuTime::read(self.running.id())?.since(&before);
        self.row.costs.push(used.as_secs_f64() * 1e6 / run.requests as f64);
        self.row.beside.push(run.requests_per_second);
        self.row.errors += run.errors;
        Ok(())
    }
}
