//! corelay-load's driver in a process of its own, so that it has processors of its own: this program again.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corelay_load::driving::Driving;
use corelay_load::process::usage::CpuTime;
use corelay_load::statistics::Estimate;
use corelay_load::{DriverLimit, Group, Latency, Mix, Plan, Report};

use super::server::Server;
use super::setup::Setup;
use crate::command::LOAD_DRIVER;
use crate::compare::processors::started_on;

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
    let mut command = setup.corelay(&[LOAD_DRIVER.to_owned()]);
    started_on(cpus, || Driving::start(&mut command, plan))?.context("the load driver")
}

/// A plan of these groups, with as much warm-up as a server needs to have its memory.
pub(super) fn plan(server: &Server, duration: Duration, groups: Vec<Group>) -> Plan {
    let mut plan = Plan::new(server.address);
    plan.duration = duration;
    plan.warm_up = WARM_UP;
    plan.groups = groups;
    plan
}

const WARM_UP: Duration = Duration::from_millis(300);

/// Where connections come from that live for a request or a few: each address has 28,000 ports towards a server, and each closed
/// connection keeps one for a minute.
const SOURCES: &str = "127.0.0.2-127.0.0.33";

/// The same for connections that do not last.
pub(super) fn churning_plan(server: &Server, duration: Duration, groups: Vec<Group>) -> Result<Plan> {
    let mut plan = plan(server, duration, groups);
    plan.sources = vec![SOURCES.parse().ok().context("addresses that are not understood")?];
    Ok(plan)
}

/// A closed loop of `connections` for /plaintext, each closed after so many requests.
pub(super) fn closed(connections: u32, requests_per_connection: Option<u32>) -> Group {
    let mut group = Group::closed("closed", connections, Mix::only("/plaintext"));
    group.requests_per_connection = requests_per_connection;
    group
}

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

/// The median of a figure of several runs.
pub(super) fn median(runs: &[Run], figure: impl Fn(&Run) -> f64) -> f64 {
    estimate(runs, figure).median
}

/// The same with its interval.
pub(super) fn estimate(runs: &[Run], figure: impl Fn(&Run) -> f64) -> Estimate {
    Estimate::of(&runs.iter().map(figure).collect::<Vec<_>>())
}

/// A figure of runs over that of the runs beside them, round by round.
pub(super) fn ratio(over: &[Run], under: &[Run], figure: impl Fn(&Run) -> f64) -> Estimate {
    let figures = |runs: &[Run]| runs.iter().map(&figure).collect::<Vec<_>>();
    Estimate::of_ratio(&figures(over), &figures(under))
}

/// What to mind of several runs; empty if there is nothing.
pub(super) fn doubts<'a>(runs: impl Iterator<Item = &'a Run> + Clone) -> Vec<String> {
    let count = runs.clone().count();
    let full = runs.clone().filter(|run| run.driver_was_the_limit()).count();
    let failed: u64 = runs.map(Run::failures).sum();
    let full = (full > 0).then(|| {
        format!("In {full} of {count} runs the load driver was late or had no CPU time left: those servers may be faster than their figures say.")
    });
    let failed =
        (failed > 0).then(|| format!("{failed} requests failed or had no answer when their run ended."));
    full.into_iter().chain(failed).collect()
}

/// In milliseconds.
pub(super) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
