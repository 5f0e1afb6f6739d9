//! `cargo xtask slow`: the latency of a well-behaved client beside 10,000 slow connections of slowhttptest.
//!
//! ```text
//! each engine, each attack (heads, bodies, reads), each round:
//!   two new servers ─▶ ask one, alone ─▶ attack it ─▶ all connected? ─▶ ask it, ask the other: the control ─▶ table
//!                                                                        reads: all ended? ─▶ ask it ──────────┘
//! ```
//!
//! A round's p99 beside the attack is compared with that of the same process before it; the rule is on the median of the
//! rounds. Servers and client share CPU 0, and slowhttptest has CPU 1: beside it, on a kernel that is not preemptible, the client would wait
//! for system calls of up to half a millisecond, with which the server has nothing to do. What an attack costs the machine is in
//! the control too (the same attack at the same time, another process asked), so what it does to the server is the difference.
//!
//! With heads and bodies the server's deadlines are long, so that all connections are there for as long as it is measured. With reads its
//! limits are those that it has by default: what answers cost that nobody takes is the kernel's, beside any server, and what
//! a server can do about it is to leave it little of them and to end them. So it is asked within the time of grace that they have, and again when `/status` says that
//! they are ended; the rule is on the latter.
//!
//! On a machine that others use too: `chrt --fifo 1 target/release/xtask slow …`, whose servers and drivers inherit the priority, and slowhttptest
//! does not. Threads are then served in the order of their waking, which the kernel's fair scheduler need not do; but under that a
//! 99th percentile shows whatever else uses 1 % of the processor.
//!
//! Deliberately absent: what each of the deadlines does to slow peers. That is tested in `crates/corelay-cli/tests/faults`.

mod attack;
mod options;
mod table;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use corelay_load::machine::Machine;
use corelay_load::{Group, Mix, Plan};

use super::driver::{self, Doubts};
use super::running::{Running, free_addresses};
use super::servers::{SERVER_CPU, Server, words};
use super::tools::{Tools, shown};
use attack::{Attack, Slow};
use options::Options;
use table::{Row, Table};

/// Connections of the well-behaved client.
const CONNECTIONS: u32 = 32;
const PATH: &str = "/plaintext";

/// What one measurement found, in milliseconds.
#[derive(Clone, Debug)]
struct Sample {
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    doubts: Doubts,
}

/// What one round found.
#[derive(Clone, Debug)]
struct Round {
    alone: Sample,
    attacked: Sample,
    /// Of the server that is not attacked, beside the attack on the other.
    control: Sample,
    /// Of the server when it has ended the attack, if it is to.
    after: Option<After>,
    /// The kernel's memory for all of the machine's TCP while it was attacked, in MiB.
    kernel_mib: u64,
    /// Slow connections that were open when it was over.
    slow: u64,
}

/// When the attack is over.
#[derive(Clone, Debug)]
struct After {
    sample: Sample,
    kernel_mib: u64,
    /// How many the server has closed, by its reasons.
    closes: BTreeMap<String, u64>,
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
    let mut rows = Vec::new();
    for engine in &options.engines {
        for attack in &options.attacks {
            let rounds = measure(engine, attack, &options, &tools);
            let rounds = rounds.with_context(|| format!("{} on {engine}", attack.name))?;
            rows.push(Row { engine, attack: attack.name, rounds });
        }
    }
    machine.finish();
    let mut commands = Vec::new();
    for attack in &options.attacks {
        commands.push(shown(&server_command(options.engines[0], attack, &tools, "ADDRESS")?));
        commands.push(shown(&attack.command("ADDRESS", options.connections, &tools)?));
    }
    let table =
        Table { machine, version: tools.version(Server::Corelay).to_owned(), commands, options, rows };
    print!("{table}");
    ensure!(table.missed() == 0, "corelay misses {} of the bounds above", table.missed());
    Ok(())
}

fn measure(engine: &str, attack: &Attack, options: &Options, tools: &Tools) -> Result<Vec<Round>> {
    let mut rounds = Vec::new();
    for number in 0..options.rounds {
        eprint!("slow {} on {engine}: round {} of {}", attack.name, number + 1, options.rounds);
        // Whoever is asked first is asked sooner after the opening: by turns.
        let round = measure_round(engine, attack, number % 2 == 0, options, tools)?;
        let p99 = [&round.alone, &round.attacked, &round.control].map(|sample| sample.p99_ms);
        eprint!(": p99 alone {:.3} ms, attacked {:.3}, control {:.3}", p99[0], p99[1], p99[2]);
        match &round.after {
            Some(after) => eprintln!(", ended {:.3} ({:?})", after.sample.p99_ms, after.closes),
            None => eprintln!(),
        }
        rounds.push(round);
    }
    Ok(rounds)
}

fn measure_round(
    engine: &str,
    attack: &Attack,
    attacked_first: bool,
    options: &Options,
    tools: &Tools,
) -> Result<Round> {
    let (attacked_server, other_server) = (start(engine, attack, tools)?, start(engine, attack, tools)?);
    let ask = |server| ask(server, options, tools);
    let alone = ask(&attacked_server)?;
    let mut slow = Slow::start(attack, attacked_server.address(0), options.connections, tools)?;
    let (attacked, control) = if attacked_first {
        let attacked = ask(&attacked_server)?;
        (attacked, ask(&other_server)?)
    } else {
        let control = ask(&other_server)?;
        (ask(&attacked_server)?, control)
    };
    let (kernel_mib, open) = (kernel_mib()?, slow.all_open()?);
    let after = if attack.is_ended {
        let closes = slow.wait_until_ended()?;
        let kernel_mib = self::kernel_mib()?;
        Some(After { sample: ask(&attacked_server)?, kernel_mib, closes })
    } else {
        None
    };
    Ok(Round { alone, attacked, control, after, kernel_mib, slow: open })
}

/// What the kernel has of all TCP sockets, which proc(5) gives in pages (`/proc/net/sockstat`).
fn kernel_mib() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/net/sockstat").context("/proc/net/sockstat")?;
    let mut words = text.lines().filter(|line| line.starts_with("TCP:")).flat_map(str::split_whitespace);
    let pages = words.by_ref().skip_while(|word| *word != "mem").nth(1).context("`mem` of TCP")?;
    Ok((pages.parse::<u64>()? * rustix::param::page_size() as u64) >> 20)
}

/// The well-behaved client.
fn ask(server: &Running, options: &Options, tools: &Tools) -> Result<Sample> {
    let mut plan = Plan::new(server.address(0));
    plan.duration = options.duration;
    plan.groups = vec![Group::open("well-behaved", CONNECTIONS, options.rate, Mix::only(PATH))];
    let report = driver::run(&plan, tools, Some(SERVER_CPU))?;
    let latency = &report.group("well-behaved").context("the driver reports its group")?.total.latency;
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    let doubts = Doubts::of(&report);
    ensure!(doubts.errors + doubts.unanswered == 0, "requests of the well-behaved client failed: {doubts:?}");
    Ok(Sample { p50_ms: ms(latency.p50), p99_ms: ms(latency.p99), max_ms: ms(latency.max), doubts })
}

fn start(engine: &str, attack: &Attack, tools: &Tools) -> Result<Running> {
    let address = free_addresses(1)?;
    Running::start(tools, &server_command(engine, attack, tools, &address[0].to_string())?, &address)
}

/// There is room for all slow connections; and they are to be there while it is measured, so no deadline comes before two minutes, but
/// where the server is to end them.
fn server_command(engine: &str, attack: &Attack, tools: &Tools, address: &str) -> Result<Vec<String>> {
    let corelay = tools.program("corelay")?;
    let mut command = words(&[&corelay, "serve", "--cpus", SERVER_CPU, "--engine", engine]);
    if !attack.is_ended {
        for deadline in ["--head-timeout", "--body-timeout", "--write-timeout", "--idle-timeout"] {
            command.extend(words(&[deadline, "120s"]));
        }
        command.extend(words(&["--min-body-rate", "0"]));
    }
    command.extend(words(&["--max-connections", "19000", "--listen", address]));
    Ok(command)
}
