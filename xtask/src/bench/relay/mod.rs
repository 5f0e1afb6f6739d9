//! `cargo xtask bench relay`: plain requests beside handlers that block, with the relay on and off.
//!
//! ```text
//! each round:  a alone ─▶ b + 8 sleepers ─▶ c + 200 ─▶ d mixed ─▶ e + 8 spinners ─▶ samples ─▶ table, bounds
//! ```
//!
//! How one run goes is in [`beside`](super::beside). A ratio is to scenario a of the same round. The rounds go back and forth,
//! as everywhere in this bench.
//!
//! Deliberately absent: other servers, which [`blocking`](super::blocking) has.

mod acceptance;
mod options;
mod table;

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::beside::{self, Loading, Samples};
use super::driver::{self, DRIVER_CPU};
use super::servers::{SERVER_CPU, Server, words};
use super::tools::{Tools, shown};
use acceptance::ACCEPTANCE;
use corelay_load::machine::Machine;
use options::Options;
use table::{Found, Table};

/// Measures and prints the table.
///
/// # Errors
///
/// A wrong argument; a server or driver that does not run; and, after the table is printed, a bound that is missed.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let tools = Tools::prepare_relay()?;
    let mut machine = Machine::observe(tools.cpus);
    let on = measure("on", options.pairs, &options, &tools)?;
    let off = measure("off", options.off_pairs, &options, &tools)?;
    machine.finish();
    let version = tools.version(Server::Corelay).to_owned();
    let commands =
        [shown(&server_command("on|off", &tools)?), shown(&driver::command(&tools, Some(DRIVER_CPU))?)];
    let table = Table { machine, version, commands, found: vec![on, off] };
    print!("{table}");
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", table.json()))?;
    }
    ensure!(table.missed() == 0, "corelay misses {} of the bounds above", table.missed());
    Ok(())
}

fn measure(relay: &'static str, rounds: usize, options: &Options, tools: &Tools) -> Result<Found> {
    let server = server_command(relay, tools)?;
    let loading = Loading { tools, server, heat: Duration::ZERO, duration: options.duration };
    let mut samples = Samples::new(ACCEPTANCE.len());
    for round in 0..rounds {
        eprintln!("relay {relay}: round {} of {rounds}", round + 1);
        for index in beside::order(ACCEPTANCE.len(), round) {
            let scenario = &ACCEPTANCE[index].scenario;
            let sample = loading
                .sample(scenario)
                .with_context(|| format!("scenario {} with the relay {relay}", scenario.letter))?;
            samples.push(index, sample);
        }
    }
    Ok(Found { relay, samples })
}

/// A server that is not waited for when it ends: with the relay off it may sleep for long on behalf of nobody.
fn server_command(relay: &str, tools: &Tools) -> Result<Vec<String>> {
    Ok(words(&[&tools.program("corelay")?, "serve", "--cpus", SERVER_CPU, "--relay", relay, "--drain", "0s"]))
}
