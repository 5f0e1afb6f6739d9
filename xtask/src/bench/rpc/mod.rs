//! `cargo xtask bench rpc`: unary calls for a second of CPU time, in corelay and in others.
//!
//! ```text
//! each round, each contender: its server on CPU 0 ─▶ h2load on CPU 1: a second, not counted ─▶ measured ─▶ table, bounds
//! ```
//!
//! Every server has the same service of the same `.proto` file, by its own generator, and its handler is the same function: a request of
//! 32 bytes, an answer of 32. The load is the same generator for all: h2load, 64 connections with one call out on each. corelay and
//! connectrpc are called by Connect over HTTP/1.1, tonic by gRPC over HTTP/2, which is all it speaks; `/json` of corelay's is what a plain
//! answer costs on the same server. Who answers with an error is no contender: the bytes of the answers are counted.
//!
//! Deliberately absent: several calls out on a connection. HTTP/2 and pipelining share system calls then, and figures tell of that.

mod contender;
mod options;
mod table;

use std::fs;

use anyhow::{Context, Result, ensure};
use corelay_load::machine::Machine;
use corelay_load::process::usage::CpuTime;

use super::beside;
use super::h2load;
use super::running::{Running, free_addresses};
use super::tools::{Tools, shown};
use contender::Contender;
use options::Options;
use table::{Found, Sample, Table};

/// Load that is not counted, before each run.
const WARM_UP_SECONDS: u32 = 1;

/// Measures and prints the table.
///
/// # Errors
///
/// A wrong argument, a server that does not run or does not answer as it should, and, after the table is printed, a bound that is missed.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let mut tools = Tools::prepare_programs(&[])?;
    tools.add_debian("h2load")?;
    let mut found = Vec::new();
    for contender in Contender::ALL {
        let version = contender.prepare(&mut tools).with_context(|| contender.name())?;
        found.push(Found {
            contender,
            version,
            commands: commands(contender, &options, &tools)?,
            samples: Vec::new(),
        });
    }
    let mut machine = Machine::observe(tools.cpus);
    for round in 0..options.pairs {
        eprintln!("round {} of {}", round + 1, options.pairs);
        for place in beside::order(found.len(), round) {
            let Found { contender, samples, .. } = &mut found[place];
            samples.push(sample(*contender, &options, &tools).with_context(|| contender.name())?);
        }
    }
    machine.finish();
    let table = Table { machine, found };
    print!("{table}");
    if let Some(path) = &options.json {
        fs::write(path, format!("{:#}\n", table.json()))?;
    }
    ensure!(table.missed() == 0, "corelay misses {} of the bounds above", table.missed());
    Ok(())
}

/// How it is started and asked, to be shown.
fn commands(contender: Contender, options: &Options, tools: &Tools) -> Result<[String; 2]> {
    let address = "127.0.0.1:PORT";
    let load = contender.load(tools, address, options.seconds)?;
    Ok([shown(&contender.command(tools, address)?), shown(&load)])
}

fn sample(contender: Contender, options: &Options, tools: &Tools) -> Result<Sample> {
    let addresses = free_addresses(1)?;
    let address = contender::text(addresses[0]);
    let running = Running::start_accepting(tools, &contender.command(tools, &address)?, &addresses)?;
    load(contender, WARM_UP_SECONDS, &address, tools)?;
    let before = CpuTime::read(running.id())?;
    let run = load(contender, options.seconds, &address, tools)?;
    let used = CpuTime::read(running.id())?.since(&before);
    let cost_us = used.as_secs_f64() * 1e6 / run.requests as f64;
    Ok(Sample { cost_us, per_second: run.requests_per_second })
}

/// One run of the load, all of which was answered as it should be.
fn load(contender: Contender, seconds: u32, address: &str, tools: &Tools) -> Result<h2load::Run> {
    let command = contender.load(tools, address, seconds)?;
    let output = tools.command(&command).output().context("cannot run h2load")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "h2load failed: {said}{}", String::from_utf8_lossy(&output.stderr));
    let run = h2load::parse(&said).with_context(|| format!("h2load said: {said}"))?;
    ensure!(run.requests > 0 && run.errors == 0, "not every call was answered: {said}");
    let (least, each) = (run.requests * contender.answer_bytes(), contender.answer_bytes());
    // Those that were out when the time was over may have been answered, and are not counted.
    let most = least + contender::CONNECTIONS * each;
    ensure!((least..=most).contains(&run.body_bytes), "the answers are not of {each} bytes: {said}");
    Ok(run)
}
