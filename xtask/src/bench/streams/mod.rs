//! `cargo xtask bench streams`: the latency of plain requests beside slow uploads and slow readers.
//!
//! ```text
//! capacity, closed loop ─▶ half of it, open loop ─▶ each round:  a alone ─▶ b + uploads ─▶ c + readers ─▶ d + both
//!                                                                 ─▶ e + both, on another server ─▶ samples ─▶ table, bounds
//! ```
//!
//! corelay has CPU 0; the driver of the plain requests and `slow-client`, each a process of its own, have CPU 1. Every run has a
//! server of its own. The rate is the same for the whole bench: what the server can do alone must not move with
//! what is beside. Scenario e tells the load from the server: the same streams take the same CPUs there, but the
//! server that answers the plain requests has none of them.
//!
//! Deliberately absent: other servers, and streams that are fast.

mod client;
mod options;
mod scenario;
mod table;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::driver;
use super::running::{Running, free_addresses};
use super::servers::{SERVER_CPU, Server, words};
use super::tools::{Tools, shown};
use client::Streams;
use corelay_load::machine::Machine;
use corelay_load::process::usage::{CpuTime, resident_bytes, socket_buffer_bytes, thread_count};
use corelay_load::statistics::Estimate;
use options::Options;
use scenario::{SCENARIOS, Sample, Scenario};
use table::Table;

/// Runs of the capacity's measurement, of which the median counts.
const CAPACITY_RUNS: usize = 3;

/// Measures and prints the table.
///
/// # Errors
///
/// A wrong argument; a server, driver or client that does not run; streams that the server dropped; and, after the table is
/// printed, a bound that is missed.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let programs = [
        ("corelay-cli", "corelay"),
        ("corelay-load", "corelay-load-driver"),
        ("corelay-bench", "slow-client"),
    ];
    let tools = Tools::prepare_programs(&programs)?;
    let mut machine = Machine::observe(tools.cpus);
    let capacity = options.rate.is_none().then(|| measure_capacity(options.duration, &tools)).transpose()?;
    let rate = options.rate.or(capacity.map(|capacity| capacity / 2.0)).context("a rate")?;
    let samples = measure(rate, &options, &tools)?;
    machine.finish();
    let streams = options.streams.to_string();
    let commands = [
        server_command(&tools)?,
        driver::command(&tools, Some(driver::DRIVER_CPU))?,
        client::command("ADDRESS", &streams, &streams, &tools)?,
    ];
    let version = tools.version(Server::Corelay).to_owned();
    let commands = commands.map(|command| shown(&command));
    let table = Table { machine, version, commands, capacity, rate, streams: options.streams, samples };
    print!("{table}");
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", table.json()))?;
    }
    ensure!(table.missed() == 0, "corelay misses {} of the bounds above", table.missed());
    Ok(())
}

/// Requests a second that 32 connections get in a closed loop.
fn measure_capacity(duration: Duration, tools: &Tools) -> Result<f64> {
    let mut found = Vec::new();
    for run in 0..CAPACITY_RUNS {
        eprintln!("streams: capacity, run {} of {CAPACITY_RUNS}", run + 1);
        let once = || {
            let server = start(tools)?;
            Sample::of(&driver::run(
                &scenario::capacity_plan(server.address(0), duration),
                tools,
                Some(driver::DRIVER_CPU),
            )?)
        };
        found.push(driver::undisturbed(once)?.per_second);
    }
    Ok(Estimate::of(&found).median)
}

/// For each scenario, a sample for each round.
fn measure(rate: f64, options: &Options, tools: &Tools) -> Result<Vec<Vec<Sample>>> {
    let mut samples = vec![Vec::new(); SCENARIOS.len()];
    for round in 0..options.rounds {
        eprintln!("streams: round {} of {}", round + 1, options.rounds);
        let mut order: Vec<usize> = (0..SCENARIOS.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let scenario = &SCENARIOS[index];
            let sample = driver::undisturbed(|| measure_once(scenario, rate, options, tools))
                .with_context(|| format!("scenario {}", scenario.letter))?;
            samples[index].push(sample);
        }
    }
    Ok(samples)
}

fn measure_once(scenario: &Scenario, rate: f64, options: &Options, tools: &Tools) -> Result<Sample> {
    let server = start(tools)?;
    let other = scenario.is_control.then(|| start(tools)).transpose()?;
    let streams = match scenario.streams(options.streams) {
        [0, 0] => None,
        counts => Some(Streams::open(other.as_ref().unwrap_or(&server).address(0), counts, tools)?),
    };
    let (begun, used_before) = (Instant::now(), CpuTime::read(server.id())?);
    let report = driver::run(
        &scenario::paced_plan(server.address(0), options.duration, rate),
        tools,
        Some(driver::DRIVER_CPU),
    )?;
    let used = CpuTime::read(server.id())?.since(&used_before);
    let cpu_share = used.as_secs_f64() / begun.elapsed().as_secs_f64();
    let threads = thread_count(server.id())?;
    let (resident_bytes, socket_bytes) = (resident_bytes(server.id())?, socket_buffer_bytes()?);
    streams.as_ref().map_or(Ok(()), Streams::check)?;
    let moved = streams.map(Streams::end).transpose()?;
    Ok(Sample { threads, cpu_share, resident_bytes, socket_bytes, moved, ..Sample::of(&report)? })
}

fn start(tools: &Tools) -> Result<Running> {
    let addresses = free_addresses(1)?;
    let mut command = server_command(tools)?;
    command.extend(["--listen".into(), addresses[0].to_string()]);
    Running::start(tools, &command, &addresses)
}

/// A server that is not waited for when it ends: its streams would last for days.
fn server_command(tools: &Tools) -> Result<Vec<String>> {
    Ok(words(&[&tools.program("corelay")?, "serve", "--cpus", SERVER_CPU, "--drain", "0s"]))
}
