//! `cargo xtask bench upgrades --killed POINT`: upgrades under load whose new process is killed, and what the clients see of it.
//!
//! What must hold is what docs/upgrade.md promises: the old process goes on each time, and can be upgraded after it; the connections that
//! were the new process's are opened again, and no others; and no request fails but on those.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use corelay_load::machine::Machine;

use super::chain::Chain;
use super::options::{Options, Point};
use super::{BETWEEN, Sample, once, plan, serve};
use crate::bench::servers::Server;
use crate::bench::tools::Tools;

/// How long clients may take to open again what they have lost: each has something to send once a second or so.
const REOPENED_WITHIN: Duration = Duration::from_secs(3);

/// One engine's runs.
struct Row {
    engine: &'static str,
    samples: Vec<Sample>,
    /// Connections that were a new process's when it was killed, of all runs.
    lost: u64,
}

/// Measures and prints the table.
pub(super) fn run(point: Point, options: &Options, tools: &Tools) -> Result<()> {
    let mut machine = Machine::observe(tools.cpus);
    let mut rows: Vec<Row> =
        options.engines.iter().map(|engine| Row { engine, samples: Vec::new(), lost: 0 }).collect();
    for round in 0..options.rounds {
        for row in &mut rows {
            eprintln!(
                "upgrades, {}: {}, round {} of {}",
                point.name(),
                row.engine,
                round + 1,
                options.rounds
            );
            let (sample, lost) = kill(point, row.engine, options, tools)?;
            row.samples.push(sample);
            row.lost += lost;
        }
    }
    machine.finish();
    println!("corelay {} · {machine}", tools.version(Server::Corelay));
    println!(
        "{} keep-alive connections, pipelined requests and streaming bodies; {} runs of {:?}; each new process killed: {}\n",
        options.connections,
        options.rounds,
        options.duration,
        point.name()
    );
    println!(
        "| engine | killed | longest | connections that were its own | opened again | requests | failed | of these reset | p99 | max |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    rows.iter().for_each(Row::print);
    let misses: Vec<String> = rows.iter().flat_map(Row::misses).collect();
    misses.iter().for_each(|miss| println!("\nmissed: {miss}"));
    ensure!(misses.is_empty(), "not what docs/upgrade.md promises");
    Ok(())
}

/// A run, and how many connections were the new processes' when they were killed.
fn kill(point: Point, engine: &str, options: &Options, tools: &Tools) -> Result<(Sample, u64)> {
    let (mut chain, address, program) = serve(engine, tools)?;
    let plan = plan(address, options);
    let connections: u32 = plan.groups.iter().map(|group| group.connections).sum();
    let (real, told) = (program.with_extension("real"), program.with_extension("told"));
    let _ = fs::remove_file(&told);
    fs::rename(&program, &real)?;
    put_between(&program, &real, &told, point, connections / 2)?;
    let reasons = RefCell::new(BTreeMap::<String, u32>::new());
    let upgrade_in_vain = |chain: &mut Chain| {
        // Clients open what they have lost when they have something to send.
        let patience = Instant::now() + REOPENED_WITHIN;
        while chain.counted()?.open < u64::from(connections) * 3 / 4 {
            if Instant::now() > patience {
                // They have nothing to send any more: the load is over.
                return Ok(None);
            }
            sleep(options.pause);
        }
        let began = Instant::now();
        *reasons.borrow_mut().entry(chain.upgrade_in_vain()?).or_default() += 1;
        Ok(Some(began.elapsed()))
    };
    let sample = once(&mut chain, &plan, tools, options.pause, Some(&upgrade_in_vain))?;
    let told = fs::read_to_string(&told).context("no new process was killed")?;
    let lost: Vec<u64> = told.lines().map(str::parse).collect::<Result<_, _>>()?;
    ensure!(
        lost.len() == sample.upgrades.len(),
        "{} upgrades failed, and {} were to: {:#?}",
        sample.upgrades.len(),
        lost.len(),
        reasons.borrow()
    );
    // It can be upgraded still.
    fs::rename(&real, &program)?;
    chain.upgrade()?;
    Ok((sample, lost.iter().sum()))
}

/// Makes `program` one that stands between the two processes.
fn put_between(program: &Path, real: &Path, told: &Path, point: Point, half: u32) -> Result<()> {
    let this = std::env::current_exe()?;
    let quoted = |path: &Path| format!("'{}'", path.display());
    let script = format!(
        "#!/bin/sh\nexec {} bench upgrades {BETWEEN} {} {half} {} {} \"$@\"\n",
        quoted(&this),
        point.name(),
        quoted(told),
        quoted(real)
    );
    fs::write(program, script)?;
    Ok(fs::set_permissions(program, fs::Permissions::from_mode(0o755))?)
}

impl Row {
    fn sum(&self, of: fn(&Sample) -> u64) -> u64 {
        self.samples.iter().map(of).sum()
    }

    fn print(&self) {
        let longest = self.samples.iter().flat_map(|sample| &sample.upgrades).max();
        let most = |of: fn(&Sample) -> f64| self.samples.iter().map(of).fold(0.0, f64::max);
        println!(
            "| `{}` | {} | {:.0} ms | {} | {} | {} | {} | {} | {:.2} ms | {:.0} ms |",
            self.engine,
            self.sum(|sample| sample.upgrades.len() as u64),
            longest.unwrap_or(&Duration::ZERO).as_secs_f64() * 1e3,
            self.lost,
            self.sum(|sample| sample.opened_again),
            self.sum(|sample| sample.requests),
            self.sum(|sample| sample.errors),
            self.sum(|sample| sample.reset),
            most(|sample| sample.p99_ms),
            most(|sample| sample.max_ms),
        );
    }

    /// On each connection one request is under way, or a pipeline of some.
    fn misses(&self) -> Vec<String> {
        let (again, errors) = (self.sum(|sample| sample.opened_again), self.sum(|sample| sample.errors));
        let (reset, closed) = (self.sum(|sample| sample.reset), self.sum(|sample| sample.closed_by_server));
        let checks = [
            (
                again > self.lost,
                format!("{again} connections were opened again, of {} that were lost", self.lost),
            ),
            (
                errors > reset,
                format!("{} requests failed otherwise than with their connection", errors - reset),
            ),
            (self.lost == 0 && errors > 0, format!("{errors} requests failed")),
            (closed > 0, format!("the old process closed {closed} connections")),
        ];
        let missed = checks.into_iter().filter(|(missed, _)| *missed);
        missed.map(|(_, what)| format!("`{}`: {what}", self.engine)).collect()
    }
}
