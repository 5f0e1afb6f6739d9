//! `cargo xtask bench overload`: ten times the work that can be done, with load shedding off and on, on each engine.
//!
//! ```text
//! capacity, closed loop ─▶ each round, engine and setting: a server on CPU 0 ─▶ 10 × that, open loop, from CPU 1 ─▶ table, bound
//!                                                           └▶ meanwhile its admin listener is asked for its metrics, from CPU 1 too
//! ```
//!
//! The whole server, admin listener and all, has one CPU: so the admin listener competes with what is overloaded. Each request
//! burns half a millisecond there. There are so many connections that a request rarely waits for one, as there are when many
//! users come. Latency counts from when a request was due, and is that of the answers with 200.
//!
//! Deliberately absent: clients that come back. They would make it worse, by how much is their choice.

mod options;
mod probe;
mod table;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corelay_load::machine::Machine;
use corelay_load::statistics::Estimate;
use corelay_load::{Group, Mix, Plan};

use super::driver::{self, DRIVER_CPU, Doubts};
use super::running::{Running, free_addresses};
use super::servers::{SERVER_CPU, words};
use super::tools::{Tools, shown};
use options::Options;
use probe::Probe;
use table::{Row, Table};

/// What each request costs the server, and how many of them there are to what it can do.
const PATH: &str = "/spin/500";
const TIMES_CAPACITY: f64 = 10.0;
/// Connections that find out what the server can do, and those of the overload.
const CAPACITY_CONNECTIONS: u32 = 32;
const CONNECTIONS: u32 = 4000;
/// Runs of the capacity's measurement, of which the median counts.
const CAPACITY_RUNS: usize = 3;
/// Load before the measurement: by then the queue stands, or what had gathered before that was seen is gone.
const WARM_UP: Duration = Duration::from_secs(4);

/// What one run found.
#[derive(Debug, Clone, Default)]
struct Sample {
    /// Answers with 200, and with 503, a second.
    good_per_second: f64,
    refused_per_second: f64,
    /// Of the answers with 200.
    p50_ms: f64,
    p99_ms: f64,
    admin: probe::Latencies,
    doubts: Doubts,
}

/// Measures and prints the table.
///
/// # Errors
///
/// A wrong argument; a server or driver that does not run; and, after the table is printed, a bound that is missed.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let tools = Tools::prepare_relay()?;
    let mut machine = Machine::observe(tools.cpus);
    let capacity = measure_capacity(&options, &tools)?;
    let rows = measure(capacity * TIMES_CAPACITY, &options, &tools)?;
    machine.finish();
    let commands = [
        shown(&server_command("ENGINE", &["--shed-target", &options.target], &tools)?),
        shown(&driver::command(&tools, Some(DRIVER_CPU))?),
    ];
    let table = Table { machine, capacity, commands, rows };
    print!("{table}");
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", table.json()))?;
    }
    ensure!(table.missed() == 0, "corelay misses {} of the bounds above", table.missed());
    Ok(())
}

/// What the engine `cores` answers a second in a closed loop.
fn measure_capacity(options: &Options, tools: &Tools) -> Result<f64> {
    let mut found = Vec::new();
    for run in 0..CAPACITY_RUNS {
        eprintln!("overload: capacity, run {} of {CAPACITY_RUNS}", run + 1);
        let (server, _) = start("cores", &[], tools)?;
        let mut plan = Plan::new(server.address(0));
        plan.duration = options.duration;
        plan.groups = vec![Group::closed("load", CAPACITY_CONNECTIONS, Mix::only(PATH))];
        let report = driver::run(&plan, tools, Some(DRIVER_CPU))?;
        found.push(report.group("load").context("the driver reports the group")?.total.per_second);
    }
    Ok(Estimate::of(&found).median)
}

fn measure(rate: f64, options: &Options, tools: &Tools) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = options.engines.iter().flat_map(|engine| Row::both(engine)).collect();
    for round in 0..options.rounds {
        eprintln!("overload: round {} of {}", round + 1, options.rounds);
        let mut order: Vec<_> = rows.iter_mut().collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for row in order {
            let shedding = ["--shed-target", &options.target];
            let flags = if row.sheds { &shedding[..] } else { &[] };
            let sample =
                driver::undisturbed(|| measure_once(row.engine, flags, rate, options.duration, tools))
                    .with_context(|| format!("{}, shedding {}", row.engine, row.sheds))?;
            row.samples.push(sample);
        }
    }
    Ok(rows)
}

fn measure_once(
    engine: &str,
    flags: &[&str],
    rate: f64,
    duration: Duration,
    tools: &Tools,
) -> Result<Sample> {
    let (server, admin) = start(engine, flags, tools)?;
    let mut plan = Plan::new(server.address(0));
    (plan.warm_up, plan.duration) = (WARM_UP, duration);
    plan.groups = vec![Group::open("load", CONNECTIONS, rate, Mix::only(PATH))];
    let probe = Probe::start(admin, DRIVER_CPU.parse()?, WARM_UP, duration);
    let report = driver::run(&plan, tools, Some(DRIVER_CPU))?;
    let admin = probe.end()?;
    let group = report.group("load").context("the driver reports the group")?;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let refused = group.statuses.get(&503).copied().unwrap_or(0);
    Ok(Sample {
        good_per_second: group.total.per_second,
        refused_per_second: refused as f64 / report.measured.as_secs_f64(),
        p50_ms: ms(group.total.latency.p50),
        p99_ms: ms(group.total.latency.p99),
        admin,
        doubts: Doubts::of(&report),
    })
}

/// A server, and where its admin listener is.
fn start(engine: &str, flags: &[&str], tools: &Tools) -> Result<(Running, std::net::SocketAddr)> {
    let addresses = free_addresses(2)?;
    let mut command = server_command(engine, flags, tools)?;
    command.extend(["--listen".into(), addresses[0].to_string(), "--admin".into(), addresses[1].to_string()]);
    Ok((Running::start(tools, &command, &addresses[..1])?, addresses[1]))
}

/// The admin listener has no processor of its own, as it has where a container has one.
fn server_command(engine: &str, flags: &[&str], tools: &Tools) -> Result<Vec<String>> {
    let corelay = tools.program("corelay")?;
    let fixed = ["taskset", "-c", SERVER_CPU, &corelay, "serve", "--drain", "0s", "--engine", engine];
    Ok(words(&[&fixed[..], flags].concat()))
}

impl driver::Sample for Sample {
    fn doubts(&mut self) -> &mut Doubts {
        &mut self.doubts
    }
}
