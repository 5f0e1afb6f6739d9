//! `cargo xtask slow`: the latency of a well-behaved client beside 10,000 slow connections of slowhttptest.
//!
//! ```text
//! each attack (heads, bodies, reads), each round:  alone ─▶ attacked ─▶ control: the same attack, on another server ─▶ table
//! ```
//!
//! The servers have CPU 0; the client and slowhttptest share CPU 1, slowhttptest at a lower priority. It costs a CPU of its own all
//! the same, and so does accepting 10,000 connections, wherever that is done: the control has all of it but for the one server
//! that answers and is attacked. What an attack does to the server is the difference to the control; what it does to the machine is the
//! rest. The server's deadlines are long, so that all connections are there for as long as it is measured.
//!
//! Deliberately absent: what the deadlines do to slow peers. That is tested in `crates/corelay-cli/tests/faults`.

mod attack;
mod options;
mod table;

use anyhow::{Context, Result, ensure};
use corelay_load::machine::Machine;
use corelay_load::{Group, Mix, Plan};

use super::driver::{self, DRIVER_CPU, Doubts};
use super::running::{Running, free_addresses};
use super::servers::{SERVER_CPU, Server, words};
use super::tools::{Tools, shown};
use attack::{ATTACKS, Attack, Slow};
use options::Options;
use table::Table;

/// Connections of the well-behaved client.
const CONNECTIONS: u32 = 32;
const PATH: &str = "/plaintext";

/// What is beside the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// The attack, on the server that is asked.
    Attack,
    /// The attack, on another one.
    Control,
}

impl Beside {
    const ALL: [Self; 3] = [Self::Nothing, Self::Attack, Self::Control];
}

/// What one run found, in milliseconds.
#[derive(Clone, Debug)]
struct Sample {
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    answered: u64,
    /// Slow connections that were open when it was over.
    slow: u64,
    doubts: Doubts,
}

/// Measures and prints the table.
///
/// # Errors
///
/// A wrong argument, a program that does not run, an attack that does not stand, requests that failed; and, after the table is
/// printed, a bound that is missed.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let mut tools =
        Tools::prepare_programs(&[("corelay-cli", "corelay"), ("corelay-load", "corelay-load-driver")])?;
    tools.add_installed("slowhttptest")?;
    let mut machine = Machine::observe(tools.cpus);
    let mut attacks = Vec::new();
    for attack in &ATTACKS {
        attacks.push((attack, measure(attack, &options, &tools)?));
    }
    machine.finish();
    let commands = [
        shown(&server_command(&options, &tools, "ADDRESS")?),
        shown(&attack::command(&ATTACKS[0], "ADDRESS", options.connections, &tools)?),
    ];
    let table =
        Table { machine, version: tools.version(Server::Corelay).to_owned(), commands, options, attacks };
    print!("{table}");
    ensure!(table.missed() == 0, "corelay misses {} of the bounds above", table.missed());
    Ok(())
}

/// For nothing, the attack and the control beside the client, a sample for each round.
fn measure(attack: &Attack, options: &Options, tools: &Tools) -> Result<[Vec<Sample>; 3]> {
    let mut samples = [const { Vec::new() }; 3];
    for round in 0..options.rounds {
        eprintln!("slow {}: round {} of {}", attack.name, round + 1, options.rounds);
        for (samples, beside) in samples.iter_mut().zip(Beside::ALL) {
            let sample = measure_once(attack, beside, options, tools);
            samples.push(sample.with_context(|| format!("{} beside {beside:?}", attack.name))?);
        }
    }
    Ok(samples)
}

fn measure_once(attack: &Attack, beside: Beside, options: &Options, tools: &Tools) -> Result<Sample> {
    let (asked, other) = (start(options, tools)?, start(options, tools)?);
    let attacked = if beside == Beside::Attack { &asked } else { &other };
    let slow = match beside {
        Beside::Nothing => None,
        _ => Some(Slow::start(attack, attacked.address(0), options.connections, tools)?),
    };
    let mut plan = Plan::new(asked.address(0));
    plan.duration = options.duration;
    plan.groups = vec![Group::open("well-behaved", CONNECTIONS, options.rate, Mix::only(PATH))];
    let report = driver::run(&plan, tools, Some(DRIVER_CPU))?;
    let still = slow.map_or(Ok(0), Slow::end)?;
    let total = &report.group("well-behaved").context("the driver reports its group")?.total;
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    let doubts = Doubts::of(&report);
    ensure!(doubts.errors + doubts.unanswered == 0, "requests of the well-behaved client failed: {doubts:?}");
    Ok(Sample {
        p50_ms: ms(total.latency.p50),
        p99_ms: ms(total.latency.p99),
        max_ms: ms(total.latency.max),
        answered: total.answered,
        slow: still,
        doubts,
    })
}

fn start(options: &Options, tools: &Tools) -> Result<Running> {
    let address = free_addresses(1)?;
    Running::start(tools, &server_command(options, tools, &address[0].to_string())?, &address)
}

/// All slow connections are to be there while it is measured, so no deadline comes before a minute, and there is room for them.
fn server_command(options: &Options, tools: &Tools, address: &str) -> Result<Vec<String>> {
    let corelay = tools.program("corelay")?;
    let mut command = words(&[&corelay, "serve", "--cpus", SERVER_CPU, "--engine", &options.engine]);
    for deadline in ["--head-timeout", "--body-timeout", "--write-timeout", "--idle-timeout"] {
        command.extend(words(&[deadline, "120s"]));
    }
    command.extend(words(&["--min-body-rate", "0", "--max-connections", "19000", "--listen", address]));
    Ok(command)
}
