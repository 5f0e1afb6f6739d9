//! `cargo xtask bench upgrades`: upgrades one after the other under load, beside the same load without.
//!
//! ```text
//! each round, each engine ─▶ a server, load, nothing else ─▶ a server, the same load, upgrade after upgrade ─▶ samples ─▶ table
//! ```
//!
//! The load is an open loop of three groups: many keep-alive connections with a request now and then, some that pipeline, and some
//! with bodies that stream both ways. The two processes of an upgrade, threads that start and move included, share one CPU: none
//! stands by that an upgrade could be done on unnoticed. The driver has the other, or its own waiting would be told as the
//! server's. An upgrade begins when the one before is over and a pause has passed.
//!
//! Upgrades go on until the load is over: no quiet time is in its figures.
//!
//! What must hold: no request fails, no connection is closed or opened anew, each upgrade comes to its end, and p99 of the
//! keep-alive requests is at most [`RATIO_MAX`] times what it is without, in the median of the rounds.
//!
//! With `--killed` the new process of each upgrade is killed, always at the same point ([`killed`]).

mod between;
mod chain;
mod killed;
mod options;
mod table;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use corelay_load::machine::Machine;
use corelay_load::{Group, Mix, Plan, Report, Request};

use super::driver::{self, DRIVER_CPU};
use super::running::{Running, free_addresses};
use super::servers::{SERVER_CPU, Server, words};
use super::tools::Tools;
use chain::Chain;
use options::Options;
use table::{Row, Table};

/// The bound of issue 7: p99 with upgrades beside p99 without.
pub(super) const RATIO_MAX: f64 = 3.0;

/// The word for [`between`], which is no command for people.
const BETWEEN: &str = "between";

const KEEP_ALIVE: &str = "keep-alive";
const PIPELINED: &str = "pipelined";
const STREAMS: &str = "streams";

/// Requests a second of each group.
const KEEP_ALIVE_RATE: f64 = 5_000.0;
const PIPELINED_RATE: f64 = 1_000.0;
const STREAMS_RATE: f64 = 20.0;
const PIPELINED_CONNECTIONS: u32 = 20;
const STREAMS_CONNECTIONS: u32 = 20;
const PIPELINE: u32 = 8;
/// Of a body that streams, either way.
const STREAM_BYTES: usize = 200_000;

/// Measures and prints the table.
///
/// # Errors
///
/// A wrong argument; a server or driver that does not run; an upgrade that does not come to its end; and, after the table is
/// printed, a bound that is missed.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if let Some((word, rest)) = arguments.split_first()
        && word == BETWEEN
    {
        return between::run(rest);
    }
    let options = Options::parse(arguments)?;
    let tools = Tools::prepare_relay()?;
    if let Some(point) = options.killed {
        return killed::run(point, &options, &tools);
    }
    let mut machine = Machine::observe(tools.cpus);
    let mut rows: Vec<Row> = options.engines.iter().map(|engine| Row::new(engine)).collect();
    for round in 0..options.rounds {
        for row in &mut rows {
            eprintln!("upgrades: {}, round {} of {}", row.engine, round + 1, options.rounds);
            // Which comes first changes, for the machine's speed drifts.
            let one = |upgrading: bool| {
                let (mut chain, address, _) = serve(&row.engine, &tools)?;
                let upgrade = upgrading.then_some(&|chain: &mut Chain| chain.upgrade().map(Some));
                let upgrade = upgrade.map(|upgrade| upgrade as &Upgrade<'_>);
                once(&mut chain, &plan(address, &options), &tools, options.pause, upgrade)
            };
            let first = one(round % 2 == 1)?;
            let second = one(round % 2 == 0)?;
            let (without, with) = if round % 2 == 0 { (first, second) } else { (second, first) };
            row.without.push(without);
            row.with.push(with);
        }
    }
    machine.finish();
    let version = tools.version(Server::Corelay).to_owned();
    let table = Table { machine, version, options, rows };
    print!("{table}");
    if let Some(path) = &table.options.json {
        fs::write(path, format!("{:#}\n", table.json()))?;
    }
    ensure!(table.missed() == 0, "corelay misses {} of the bounds above", table.missed());
    Ok(())
}

/// What one run found.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    /// Of the keep-alive requests, in milliseconds.
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
    pub(super) requests: u64,
    pub(super) errors: u64,
    /// Of these, the requests whose connection ended before their answer was whole.
    pub(super) reset: u64,
    /// How each group's requests failed, in words.
    pub(super) failures: String,
    /// How long each upgrade took, from the signal to the end of the old process.
    pub(super) upgrades: Vec<Duration>,
    /// Connections that the server closed, by its own count, less those that the driver closed first.
    pub(super) closed_by_server: u64,
    /// Connections that the clients opened again.
    pub(super) opened_again: u64,
}

/// Does an upgrade, and tells how long it took; or tells that there can be no more.
type Upgrade<'a> = dyn Fn(&mut Chain) -> Result<Option<Duration>> + 'a;

/// A server of `engine`, and the file that it takes for its program when it starts another process.
fn serve(engine: &str, tools: &Tools) -> Result<(Chain, SocketAddr, PathBuf)> {
    let address = free_addresses(1)?[0];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is inside the workspace")?;
    let corelay = root.join(tools.program("corelay")?);
    let program = tools.scratch("upgrades")?.join(format!("corelay-{}", address.port()));
    let _ = fs::remove_file(&program);
    symlink(&corelay, &program)?;
    let mut command = words(&["taskset", "-c", SERVER_CPU, &program.display().to_string()]);
    command.extend(words(&["serve", "--engine", engine, "--listen", &address.to_string()]));
    let server = Running::start(tools, &command, &[address])?;
    Ok((Chain::of(server, address, corelay), address, program))
}

/// One run: the load, and all the while, if there is one, `upgrade` after `upgrade` with pauses between them.
fn once(
    chain: &mut Chain,
    plan: &Plan,
    tools: &Tools,
    pause: Duration,
    upgrade: Option<&Upgrade<'_>>,
) -> Result<Sample> {
    let before = chain.counted()?;
    let mut driving = driver::start_and_hold(plan, tools, Some(DRIVER_CPU))?;
    driving.begin()?;
    let until = Instant::now() + plan.warm_up + plan.duration;
    let mut took = Vec::new();
    while let Some(upgrade) = upgrade
        && Instant::now() < until
    {
        sleep(pause);
        let Some(time) = upgrade(chain)? else { break };
        took.push(time);
    }
    let report = driving.report()?;
    // While the driver holds its connections: what is opened and closed now is of the server's doing.
    let after = chain.counted()?;
    driving.release()?;
    let mut sample = Sample::of(&report, took)?;
    sample.closed_by_server = after.closed - before.closed;
    let opened: u32 = plan.groups.iter().map(|group| group.connections).sum();
    sample.opened_again = (after.accepted - before.accepted).saturating_sub(u64::from(opened));
    Ok(sample)
}

fn plan(address: SocketAddr, options: &Options) -> Plan {
    let mut plan = Plan::new(address);
    plan.duration = options.duration;
    let mut pipelined =
        Group::open(PIPELINED, PIPELINED_CONNECTIONS, PIPELINED_RATE, Mix::only("/plaintext"));
    pipelined.pipeline = PIPELINE;
    let mut upload = Request::new("POST", "/upload");
    upload.body = vec![b'x'; STREAM_BYTES];
    let streams = Mix::of([(Request::of_path(&format!("/bytes/{STREAM_BYTES}")), 1), (upload, 1)]);
    plan.groups = vec![
        Group::open(KEEP_ALIVE, options.connections, KEEP_ALIVE_RATE, Mix::only("/plaintext")),
        pipelined,
        Group::open(STREAMS, STREAMS_CONNECTIONS, STREAMS_RATE, streams),
    ];
    plan
}

impl Sample {
    fn of(report: &Report, upgrades: Vec<Duration>) -> Result<Self> {
        let keep_alive = &report.group(KEEP_ALIVE).context("the driver reports the group")?.total;
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let totals = || report.groups.iter().map(|group| &group.total);
        Ok(Self {
            p50_ms: ms(keep_alive.latency.p50),
            p99_ms: ms(keep_alive.latency.p99),
            max_ms: ms(keep_alive.latency.max),
            requests: totals().map(|total| total.requests).sum(),
            errors: totals().map(|total| total.errors.total()).sum(),
            reset: totals().map(|total| total.errors.reset).sum(),
            failures: failures(report),
            upgrades,
            closed_by_server: 0,
            opened_again: 0,
        })
    }
}

fn failures(report: &Report) -> String {
    let failed = report.groups.iter().filter(|group| group.total.errors.total() > 0);
    failed.map(|group| format!("{}: {:?}", group.name, group.total.errors)).collect::<Vec<_>>().join("; ")
}
