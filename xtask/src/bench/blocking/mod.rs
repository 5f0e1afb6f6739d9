//! `cargo xtask bench blocking`: what becomes of plain requests when other handlers block, in corelay and in other servers.
//!
//! ```text
//! each round, each server:  a alone ─▶ each way to block: b + 8 sleepers ─▶ c + 200 ─▶ d + 8 spinners ─▶ samples ─▶ table
//! ```
//!
//! How one run goes is in [`beside`](super::beside). A ratio is to scenario a of the same server in the same round, from runs
//! seconds apart; the ways of one server share it. The rounds go back and forth.
//!
//! Deliberately absent: bounds, which `bench relay` has for corelay; and servers with more threads than one that serve,
//! where it takes as many blocked handlers more to see the same.

mod contender;
mod options;
mod table;

use anyhow::{Context, Result, ensure};
use corelay_bench::response;

use super::beside::{self, Loading, Samples};
use super::driver::{self, DRIVER_CPU};
use super::tools::{Tools, shown};
use contender::{Contender, SCENARIOS};
use corelay_load::machine::Machine;
use options::Options;
use table::{Server, Table};

/// Measures and prints the table.
///
/// # Errors
///
/// A wrong argument; a server or driver that does not run, unless its tools come from elsewhere and are not here.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let mut tools = Tools::prepare_relay()?;
    let (mut servers, left_out) = prepare(&options.servers, &mut tools)?;
    let loadings = servers.iter().map(|server| loading(server.contender, &options, &tools));
    let loadings = loadings.collect::<Result<Vec<_>>>()?;
    for (server, loading) in servers.iter().zip(&loadings) {
        ensure_ways_answer(server.contender, loading)?;
    }
    let mut machine = Machine::observe(tools.cpus);
    measure(&mut servers, &loadings, options.pairs)?;
    machine.finish();
    let table =
        Table { machine, driver: shown(&driver::command(&tools, Some(DRIVER_CPU))?), servers, left_out };
    print!("{table}");
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", table.json()))?;
    }
    Ok(())
}

/// The servers that can be had, and what is to be said of the others.
fn prepare(contenders: &[Contender], tools: &mut Tools) -> Result<(Vec<Server>, Vec<String>)> {
    let (mut servers, mut left_out) = (Vec::new(), Vec::new());
    for &contender in contenders {
        let version = match contender.prepare(tools) {
            Ok(version) => version,
            Err(why) if contender.may_be_missing() => {
                let why = format!("{}: {why:#}", contender.name());
                eprintln!("left out: {why}");
                left_out.push(why);
                continue;
            }
            Err(why) => return Err(why.context(contender.name())),
        };
        let command = shown(&contender.command(tools)?);
        let found = contender.ways().iter().map(|_| Samples::new(SCENARIOS)).collect();
        servers.push(Server { contender, version, command, found });
    }
    ensure!(!servers.is_empty(), "none of the servers can be had");
    Ok((servers, left_out))
}

fn loading<'a>(contender: Contender, options: &Options, tools: &'a Tools) -> Result<Loading<'a>> {
    let (server, heat) = (contender.command(tools)?, contender.heat());
    Ok(Loading { tools, server, heat, duration: options.duration })
}

/// A path that is not there would be answered at once, and look good.
fn ensure_ways_answer(contender: Contender, loading: &Loading<'_>) -> Result<()> {
    let server = loading.start()?;
    for path in contender.ways().iter().flat_map(|way| way.paths()) {
        response::fetch(&format!("http://{}{path}", server.address(0)))
            .with_context(|| format!("{}, {path}", contender.name()))?;
    }
    Ok(())
}

fn measure(servers: &mut [Server], loadings: &[Loading<'_>], rounds: usize) -> Result<()> {
    for round in 0..rounds {
        for index in beside::order(servers.len(), round) {
            let server = &mut servers[index];
            eprintln!("round {} of {rounds}: {}", round + 1, server.contender.name());
            measure_server(server, &loadings[index], round)
                .with_context(|| server.contender.name().to_owned())?;
        }
    }
    Ok(())
}

fn measure_server(server: &mut Server, loading: &Loading<'_>, round: usize) -> Result<()> {
    let ways = server.contender.ways();
    let mut runs = Vec::new();
    for (way, blocking) in ways.iter().enumerate() {
        let scenarios = blocking.scenarios().into_iter().enumerate();
        runs.extend(scenarios.filter_map(|(number, scenario)| Some((way, number, scenario?))));
    }
    // The plain connections alone are the same for all ways: measured once, counted for each.
    runs.retain(|(way, number, _)| *number > 0 || *way == 0);
    for index in beside::order(runs.len(), round) {
        let (way, number, scenario) = &runs[index];
        let sample = loading
            .sample(scenario)
            .with_context(|| format!("{}, scenario {}", ways[*way].title, scenario.letter))?;
        let sharing = if *number == 0 { 0..ways.len() } else { *way..way + 1 };
        server.found[sharing].iter_mut().for_each(|found| found.push(*number, sample.clone()));
    }
    Ok(())
}
