//! `cargo xtask bench engines`: the three engines under the same load, and what each costs.
//!
//! ```text
//! each round:  every load: cores ─▶ threads ─▶ pool ─▶ threads, blocking ─▶ samples ─▶ table, bounds
//! ```
//!
//! The server is as it starts by default, on all CPUs, and the load is on the same machine: that is what the acceptance asks
//! for. How one run goes is in [`sample`]; what becomes of `threads` when no thread is left, in [`sweep`]. The next round
//! goes backwards, as everywhere in this bench.
//!
//! Deliberately absent: other servers, and pinning of the driver.

mod acceptance;
mod case;
mod options;
mod sample;
mod sweep;
mod table;

use anyhow::{Context, Result, ensure};

use super::driver;
use super::servers::Server;
use super::tools::{Tools, shown};
use corelay_load::machine::Machine;
use options::Options;
use sample::Sample;
use table::{Found, Table};

/// Measures and prints the table.
///
/// # Errors
///
/// A wrong argument; a server or driver that does not run; and, after the table is printed, a bound that is missed.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if let Some((word, rest)) = arguments.split_first()
        && word == "sweep"
    {
        return sweep::run(rest);
    }
    let options = Options::parse(arguments)?;
    let tools = Tools::prepare_relay()?;
    let mut machine = Machine::observe(tools.cpus);
    let found = measure(&options, &tools)?;
    machine.finish();
    let version = tools.version(Server::Corelay).to_owned();
    let mut driver_command = driver::command(&tools, None)?;
    driver_command.push("--hold".into());
    let mut commands = Vec::new();
    for found in &found {
        let command = shown(&found.case.engine.command(&tools, "127.0.0.1:PORT")?);
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    commands.push(shown(&driver_command));
    let table = Table { machine, version, commands, duration: options.duration, found };
    print!("{table}");
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", table.json()))?;
    }
    ensure!(table.missed() == 0, "corelay misses {} of the bounds above", table.missed());
    Ok(())
}

fn measure(options: &Options, tools: &Tools) -> Result<Vec<Found>> {
    let mut found: Vec<_> =
        options.cases().into_iter().map(|case| Found { case, samples: Vec::new() }).collect();
    for round in 0..options.pairs {
        let mut order: Vec<_> = found.iter_mut().collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for Found { case, samples } in order {
            let (engine, pace) = (case.engine.name(), case.pace.name());
            eprintln!(
                "engines: round {} of {}: {engine}, {} {pace}",
                round + 1,
                options.pairs,
                case.connections
            );
            let sample = Sample::measure(*case, options.duration, tools);
            samples.push(sample.with_context(|| format!("{engine} with {} {pace}", case.connections))?);
        }
    }
    Ok(found)
}
