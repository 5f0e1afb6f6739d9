//! `cargo xtask bench relay`: plain requests beside handlers that block, with the relay on and off.
//!
//! ```text
//! each round:  a alone ─▶ b + 8 sleepers ─▶ c + 200 ─▶ d mixed ─▶ e + 8 spinners ─▶ samples ─▶ table, bounds
//! ```
//!
//! corelay has CPU 0 and the driver, a process of its own, CPU 1. Every run has a server of its own, so that nothing that
//! one scenario taught it, or left asleep in it, is there in the next. A ratio is to scenario a of the same round. The
//! rounds go back and forth, as everywhere in this bench.
//!
//! Deliberately absent: other servers (`corelay compare` will have them).

mod options;
mod scenario;
mod table;

use anyhow::{Context, Result, ensure};

use super::driver;
use super::machine::Machine;
use super::running::{Running, free_addresses};
use super::servers::{Server, words};
use super::tools::{Tools, shown};
use options::Options;
use scenario::{SCENARIOS, Sample, Scenario};
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
    let commands = [
        shown(&server_command("on|off", &tools)?),
        shown(&driver::command(&tools, Some(driver::DRIVER_CPU))?),
    ];
    let table = Table { machine, version, commands, found: vec![on, off] };
    print!("{table}");
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", table.json()))?;
    }
    ensure!(table.missed() == 0, "corelay misses {} of the bounds above", table.missed());
    Ok(())
}

fn measure(relay: &'static str, rounds: usize, options: &Options, tools: &Tools) -> Result<Found> {
    let mut found = Found { relay, samples: vec![Vec::new(); SCENARIOS.len()] };
    for round in 0..rounds {
        eprintln!("relay {relay}: round {} of {rounds}", round + 1);
        let mut order: Vec<usize> = (0..SCENARIOS.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let scenario = &SCENARIOS[index];
            let sample = driver::undisturbed(|| measure_once(scenario, relay, options, tools))
                .with_context(|| format!("scenario {} with the relay {relay}", scenario.letter))?;
            found.samples[index].push(sample);
        }
    }
    Ok(found)
}

fn measure_once(scenario: &Scenario, relay: &str, options: &Options, tools: &Tools) -> Result<Sample> {
    let addresses = free_addresses(1)?;
    let mut command = server_command(relay, tools)?;
    command.extend(["--listen".into(), addresses[0].to_string()]);
    let server = Running::start(tools, &command, &addresses)?;
    let report =
        driver::run(&scenario.plan(addresses[0], options.duration), tools, Some(driver::DRIVER_CPU))?;
    drop(server);
    scenario.sample(&report)
}

/// A server that is not waited for when it ends: with the relay off it may sleep for long on behalf of nobody.
fn server_command(relay: &str, tools: &Tools) -> Result<Vec<String>> {
    Ok(words(&[&tools.program("corelay")?, "serve", "--cpus", "0", "--relay", relay, "--drain", "0s"]))
}
