//! corelay-load's driver in a process of its own, so that it has processors of its own: this program again.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corelay_load::driving::Driving;
use corelay_load::process::usage::CpuTime;
use corelay_load::{DriverLimit, Group, Latency, Plan, Report};

use super::part;
use super::server::Server;
use super::setup::{Setup, on};

/// What one run found of a server and its load.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) report: Report,
    /// The server's CPU time for one answer, in microseconds.
    pub(super) cpu_us: f64,
}

/// Loads a server from these processors: a warm-up, then the plan's time, in which the server's CPU time is taken.
pub(super) fn run(setup: &Setup, cpus: &[usize], server: &Server, plan: &Plan) -> Result<Run> {
    run_and_look(setup, cpus, server, plan, || Ok(())).map(|(run, ())| run)
}

/// The same, with a look at the server while the load is over and its connections are held.
pub(super) fn run_and_look<T>(
    setup: &Setup,
    cpus: &[usize],
    server: &Server,
    plan: &Plan,
    look: impl FnOnce() -> Result<T>,
) -> Result<(Run, T)> {
    let mut driving = start(setup, cpus, plan)?;
    driving.begin()?;
    thread::sleep(plan.warm_up);
    let before = CpuTime::read_beside_load(server.id())?;
    thread::sleep(plan.duration);
    let used = CpuTime::read_beside_load(server.id())?.since(&before);
    let report = driving.report().context("the load driver's report")?;
    let seen = look()?;
    driving.release()?;
    let per_second: f64 = report.groups.iter().map(|group| group.total.per_second).sum();
    ensure!(per_second > 0.0, "{} answered nothing within the measured time", server.command);
    let answers = per_second * plan.duration.as_secs_f64();
    Ok((Run { cpu_us: used.as_secs_f64() * 1e6 / answers, report }, seen))
}

/// Starts the driver, whose connections are open when this returns.
pub(super) fn start(setup: &Setup, cpus: &[usize], plan: &Plan) -> Result<Driving> {
    let mut command = setup.corelay(&part::words(part::LOAD, &[]));
    on(cpus, || Driving::start(&mut command, plan).context("cannot start the load driver"))
}

/// A plan of these groups, with as much warm-up as a server needs to have its memory.
pub(super) fn plan(server: &Server, duration: Duration, groups: Vec<Group>) -> Plan {
    let mut plan = Plan::new(server.address);
    plan.duration = duration;
    plan.warm_up = WARM_UP;
    plan.groups = groups;
    plan
}

const WARM_UP: Duration = Duration::from_millis(500);

impl Run {
    /// Answers a second, of all groups.
    pub(super) fn per_second(&self) -> f64 {
        self.report.groups.iter().map(|group| group.total.per_second).sum()
    }

    /// Latency of the first group.
    pub(super) fn latency(&self) -> Latency {
        self.report.groups.first().map_or_else(Latency::default, |group| group.total.latency)
    }

    /// Requests that failed, of all groups.
    pub(super) fn failures(&self) -> u64 {
        self.report.groups.iter().map(|group| group.total.errors.total()).sum()
    }

    /// Whether the driver itself was the limit, and not the server.
    pub(super) fn driver_was_the_limit(&self) -> bool {
        let limits = &self.report.driver.limits;
        limits.contains(&DriverLimit::CpuFull) || limits.contains(&DriverLimit::SendsLate)
    }
}

/// In milliseconds.
pub(super) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
