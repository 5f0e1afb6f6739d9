//! `cargo xtask bench skew`: all hot connections on one core of two, with rebalancing, without, and on other servers.
//!
//! ```text
//! calibration ─▶ each round: every server ─▶ 16 connections on one thread ─▶ closed loop ─▶ open loop ─▶ samples ─▶ table
//! ```
//!
//! Every server has two threads, workers or cores, on CPUs 0 and 1. corelay-load's driver opens connections until one
//! thread has sixteen and loads those alone; their handlers burn CPU time, so that it is the thread that is full and not
//! the driver. A closed loop tells throughput. Latency is an open loop's, at a rate that one thread can bear (at more than
//! that the queue of a server that moves nothing would grow for as long as one looks, and its p99 be the run's length),
//! with moments drawn at random: evenly spaced ones would never meet in a queue. Every run has a server of its own.
//!
//! Deliberately absent: a bound. What is to be compared stands in one table.

mod calibration;
mod contender;
mod options;
mod table;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corelay_load::{DriverLimit, Pace, Plan, Report};

use super::driver;
use super::running::{Running, free_addresses};
use super::tools::{Tools, shown};
use calibration::Calibration;
use contender::Contender;
use corelay_load::machine::Machine;
use options::Options;
use table::{Found, Table};

/// The CPU of the driver, where there is one that no server has.
const DRIVER_CPU: &str = "2";

/// Measures and prints the table.
///
/// # Errors
///
/// A wrong argument; a server or driver that does not run; connections that could not be placed; and, after the table is
/// printed, requests that failed or connections that were lost.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let tools = Tools::prepare_skew()?;
    let mut machine = Machine::observe(tools.cpus);
    let driver_cpu = (tools.cpus >= 3).then_some(DRIVER_CPU);
    let measuring = Measuring { tools: &tools, driver_cpu, duration: options.duration };
    let calibration = Calibration::find(&measuring, options.rate)?;
    let found = measure(&measuring, options.pairs, calibration.rate)?;
    machine.finish();
    let driver_command = shown(&driver::command(&tools, driver_cpu)?);
    let table = Table { machine, calibration, driver_command, has_own_cpu: driver_cpu.is_some(), found };
    print!("{table}");
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", table.json()))?;
    }
    let failed = table.failed();
    ensure!(
        failed == 0,
        "{failed} requests failed or connections were lost: the load was not what is told above"
    );
    Ok(())
}

/// What all runs have in common.
struct Measuring<'t> {
    tools: &'t Tools,
    driver_cpu: Option<&'static str>,
    duration: Duration,
}

/// What one run found.
#[derive(Debug, Clone, Default)]
struct Sample {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// The server's CPU time for a request, in microseconds.
    cpu_us: f64,
    /// Of the server's CPU time, the share that its busiest thread used.
    busiest_share: f64,
    /// Requests that failed, and those that had no answer when the run was over: they count as late as that.
    errors: u64,
    unanswered: u64,
    /// Connections that were opened anew.
    lost: u64,
    limits: Vec<DriverLimit>,
}

fn measure(measuring: &Measuring<'_>, rounds: usize, rate: f64) -> Result<Vec<Found>> {
    let paced = Pace::Poisson { requests_per_second: rate };
    let mut found: Vec<Found> = Vec::new();
    for contender in Contender::ALL {
        let version = measuring.tools.version(contender.server()).to_owned();
        found.push(Found::of(contender, version));
    }
    for round in 0..rounds {
        eprintln!("skew: round {} of {rounds}", round + 1);
        let mut order: Vec<_> = found.iter_mut().collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for found in order {
            let mut once = |pace| {
                let (command, sample) =
                    measuring.once(found.contender, pace).with_context(|| found.contender.label())?;
                found.command = command;
                anyhow::Ok(sample)
            };
            let (closed, open) = (once(Pace::Closed)?, once(paced)?);
            found.closed.push(closed);
            found.open.push(open);
        }
    }
    Ok(found)
}

impl Measuring<'_> {
    /// One run, on a server of its own; the command that started it, and what was found.
    fn once(&self, contender: Contender, pace: Pace) -> Result<(String, Sample)> {
        let (server, address) = self.start(contender)?;
        let plan = contender.plan(address, server.id(), pace, self.duration);
        let sample = Sample::of(&self.drive(&plan)?, self.duration)?;
        Ok((server.command.clone(), sample))
    }

    fn start(&self, contender: Contender) -> Result<(Running, SocketAddr)> {
        let addresses = free_addresses(1)?;
        let command = contender.command(self.tools, addresses[0])?;
        Ok((Running::start(self.tools, &command, &addresses)?, addresses[0]))
    }

    fn drive(&self, plan: &Plan) -> Result<Report> {
        driver::run(plan, self.tools, self.driver_cpu)
    }
}

impl Sample {
    /// What the driver's report says of a measured time.
    fn of(report: &Report, duration: Duration) -> Result<Self> {
        let group = report.groups.first().context("the driver reports the group")?;
        let placement = group.placement.as_ref().context("the driver reports the placement")?;
        let (total, ms) = (&group.total, |time: Duration| time.as_secs_f64() * 1e3);
        let answers = total.per_second * duration.as_secs_f64();
        ensure!(answers > 0.0, "nothing was answered within the measured time: {:?}", total.errors);
        Ok(Self {
            per_second: total.per_second,
            p50_ms: ms(total.latency.p50),
            p99_ms: ms(total.latency.p99),
            cpu_us: placement.cpu_time().as_secs_f64() * 1e6 / answers,
            busiest_share: placement.busiest_share().context("no thread of the server used CPU time")?,
            errors: total.errors.total() - total.errors.unanswered,
            unanswered: total.errors.unanswered,
            lost: u64::from(placement.lost),
            limits: report.driver.limits.clone(),
        })
    }
}
