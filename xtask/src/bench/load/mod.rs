//! `cargo xtask bench load`: corelay's load generator beside wrk, oha and h2load, on the same server in one run.
//!
//! ```text
//! round: a server ─▶ for each load: corelay, wrk, oha, h2load, and back in the next round ─▶ table, bounds
//! ```
//!
//! Four loads, since a generator can be wrong in as many ways:
//!
//! - *cost*: a server that is fast, in a closed loop. What a request costs the generator, in CPU time of its whole process.
//! - *closed*: a server that is slow, in a closed loop. The server is the limit, so every generator must find the same rate, and the same
//!   percentiles.
//! - *open*: handlers that sleep, at a fixed rate far below what the server can do. Who sends at the same moments must find the same
//!   percentiles. oha's are evenly spaced, as corelay's are. h2load's connections all send at once, which is another load: its
//!   percentiles are shown, and held to nothing. The handlers sleep, and need no processor, so that what little the moments differ does
//!   not make queues.
//! - *paced*: 50,000 requests a second over 10,000 connections. How late corelay's sends them, which the others do not say.
//!
//! The generator has CPU 1, the server CPU 0. Deliberately absent: more than one thread for each generator.

mod generator;
mod options;
mod table;

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corelay_load::machine::Machine;

use super::beside;
use super::running::{Running, free_addresses};
use super::servers::{SERVER_CPU, Server, words};
use super::tools::{Tools, shown};
use generator::{Generator, Said};
use options::Options;
use table::Table;

/// A load that each generator makes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Load {
    name: &'static str,
    path: &'static str,
    connections: u32,
    /// `None`: closed.
    rate: Option<u32>,
    seconds: u32,
    /// Whether all are asked for their percentiles.
    is_for_percentiles: bool,
    /// Whether it is made to see how late requests are sent.
    is_for_schedule: bool,
}

/// One run of one generator.
#[derive(Clone, Debug)]
struct Sample {
    said: Said,
    cpu_time: Duration,
}

/// A generator, and what was found with each load.
struct Found {
    generator: Generator,
    version: String,
    commands: Vec<String>,
    /// For each load, in their order; empty where it cannot make it.
    samples: Vec<Vec<Sample>>,
}

const COST: usize = 0;
const CLOSED: usize = 1;
const OPEN: usize = 2;
const PACED: usize = 3;

fn loads(options: &Options) -> [Load; 4] {
    let seconds = options.seconds;
    let load = |name, path, rate| {
        let is_for_percentiles = name != "cost" && name != "paced";
        Load { name, path, connections: 64, rate, seconds, is_for_percentiles, is_for_schedule: false }
    };
    let paced =
        Load { connections: 10_000, is_for_schedule: true, ..load("paced", "/plaintext", Some(50_000)) };
    [
        load("cost", "/plaintext", None),
        load("closed", "/spin/50", None),
        load("open", "/sleep/20", Some(options.rate)),
        paced,
    ]
}

/// Measures and prints the table.
///
/// # Errors
///
/// A wrong argument; a server or generator that does not run, but oha, which may be missing; and, after the table is printed, a bound
/// that is missed.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let mut tools = Tools::prepare_programs(&[("corelay-cli", "corelay")])?;
    let loads = loads(&options);
    let (mut found, left_out) = prepare(&mut tools, loads.len())?;
    let mut machine = Machine::observe(tools.cpus);
    let server = words(&[&tools.program("corelay")?, "serve", "--cpus", SERVER_CPU]);
    for round in 0..options.pairs {
        eprintln!("round {} of {}", round + 1, options.pairs);
        let addresses = free_addresses(1)?;
        let mut command = server.clone();
        command.extend(["--listen".into(), addresses[0].to_string()]);
        let running = Running::start(&tools, &command, &addresses)?;
        for (index, load) in loads.iter().enumerate() {
            let url = format!("http://{}{}", running.address(0), load.path);
            for place in beside::order(found.len(), round) {
                let found = &mut found[place];
                if found.generator.can(load) {
                    let sample = sample(found, load, &url, &tools)?;
                    found.samples[index].push(sample);
                }
            }
        }
    }
    machine.finish();
    let version = tools.version(Server::Corelay).to_owned();
    let table = Table { machine, version, server: shown(&server), loads, found, left_out };
    print!("{table}");
    if let Some(path) = &options.json {
        fs::write(path, format!("{:#}\n", table.json()))?;
    }
    ensure!(table.missed() == 0, "corelay misses {} of the bounds above", table.missed());
    Ok(())
}

/// The generators that can be had, and what is to be said of the others.
fn prepare(tools: &mut Tools, loads: usize) -> Result<(Vec<Found>, Vec<String>)> {
    let (mut all, mut left_out) = (Vec::new(), Vec::new());
    for generator in Generator::ALL {
        let version = match generator {
            Generator::Corelay => Ok(tools.version(Server::Corelay).to_owned()),
            Generator::Wrk | Generator::H2load => tools.add_debian(generator.name()),
            Generator::Oha => tools.add_oha(),
        };
        match version {
            Ok(version) => {
                let samples = vec![Vec::new(); loads];
                all.push(Found { generator, version, commands: Vec::new(), samples });
            }
            Err(why) if generator == Generator::Oha => {
                eprintln!("left out: oha: {why:#}");
                left_out.push(format!("oha: {why:#}"));
            }
            Err(why) => return Err(why.context(generator.name())),
        }
    }
    Ok((all, left_out))
}

fn sample(found: &mut Found, load: &Load, url: &str, tools: &Tools) -> Result<Sample> {
    let generator = found.generator;
    let file = tools.scratch("load")?.join(generator.name()).display().to_string();
    if fs::exists(&file)? {
        fs::remove_file(&file)?;
    }
    let command = generator.command(load, url, &file, tools)?;
    let shown = generator.command(load, &format!("URL{}", load.path), "FILE", tools)?;
    let shown = format!("{}: {}", load.name, self::shown(&shown));
    if !found.commands.contains(&shown) {
        found.commands.push(shown);
    }
    let before = children_cpu_time()?;
    let output =
        tools.command(&command).output().with_context(|| format!("cannot run {}", generator.name()))?;
    let cpu_time = children_cpu_time()?.saturating_sub(before);
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{} failed: {said}{}",
        generator.name(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(Sample { said: generator.read(load, &said, &file)?, cpu_time })
}

/// CPU time of the children of this process that have ended and were waited for, to 10 ms (`cutime` and `cstime`,
/// proc_pid_stat(5)): of a generator that has just ended, all it used.
fn children_cpu_time() -> Result<Duration> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = text.rsplit_once(')').context("no name in stat")?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    let ticks = ticks(13).zip(ticks(14)).map(|(user, system)| user + system).context("no cutime in stat")?;
    Ok(Duration::from_millis(ticks * 10))
}
