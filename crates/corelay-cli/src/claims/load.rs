//! corelay-load's driver in a process of its own, so that it has processors of its own: this program again.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corelay_load::driving::Driving;
use corelay_load::process::usage::CpuTime;
use corelay_load::statistics::Estimate;
use corelay_load::{DriverLimit, Group, Latency, Mix, Plan, Report};

use super::finding::{Check, Evidence};
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
    /// Whether the driver had processors that servers have too: then others had them by design.
    shares_cpus: bool,
}

/// Loads a server from these processors: a warm-up, then the plan's time, in which the server's CPU time is taken.
pub(super) fn run(setup: &Setup, cpus: &[usize], server: &Server, plan: &Plan) -> Result<Run> {
    run_and_look(setup, cpus, server, plan, || Ok(())).map(|(run, ())| run)
}

/// The same, with a look at the server while the load is over and its connections are held.
///
/// A run in which others had the driver's processor tells of them: it is done again, but not for ever.
pub(super) fn run_and_look<T>(
    setup: &Setup,
    cpus: &[usize],
    server: &Server,
    plan: &Plan,
    mut look: impl FnMut() -> Result<T>,
) -> Result<(Run, T)> {
    let mut attempts = 1..=ATTEMPTS;
    loop {
        attempts.next();
        match attempt(setup, cpus, server, plan, &mut look) {
            Ok((run, _)) if run.was_disturbed() && !attempts.is_empty() => {}
            Err(_) if !attempts.is_empty() => {}
            outcome => return outcome,
        }
    }
}

fn attempt<T>(
    setup: &Setup,
    cpus: &[usize],
    server: &Server,
    plan: &Plan,
    look: &mut impl FnMut() -> Result<T>,
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
    let shares_cpus = cpus.iter().any(|cpu| server.cpus.contains(cpu));
    Ok((Run { cpu_us: used.as_secs_f64() * 1e6 / answers, report, shares_cpus }, seen))
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

/// How often a run is done at most.
const ATTEMPTS: u32 = 2;
/// Above this share of disturbed runs, nothing that they say can refute.
const DISTURBED: f64 = 0.25;

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

    /// Whether others had the driver's processor.
    pub(super) fn was_disturbed(&self) -> bool {
        !self.shares_cpus && self.report.driver.limits.contains(&DriverLimit::CpuShared)
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

/// Adds what to mind of these runs; where others disturbed too many of them, no part fails by what they say.
pub(super) fn mind(evidence: &mut Evidence, runs: &[&[Run]]) {
    let runs: Vec<&Run> = runs.iter().copied().flatten().collect();
    let count = |is_so: fn(&Run) -> bool| runs.iter().filter(|run| is_so(run)).count();
    let (limits, disturbed) = (count(Run::driver_was_the_limit), count(Run::was_disturbed));
    let failed: u64 = runs.iter().map(|run| run.failures()).sum();
    let told = [
        (
            limits as u64,
            format!(
                "In {limits} of {} runs the load driver was late or had no CPU time left: those servers may be faster than their figures say.",
                runs.len()
            ),
        ),
        (
            disturbed as u64,
            format!(
                "In {disturbed} of {} runs other processes had the load driver's processor, and the figures tell of them too.",
                runs.len()
            ),
        ),
        (failed, format!("{failed} requests failed or had no answer when their run ended.")),
    ];
    evidence.notes.extend(told.into_iter().filter(|(count, _)| *count > 0).map(|(_, note)| note));
    if disturbed as f64 > runs.len() as f64 * DISTURBED {
        evidence.checks.iter_mut().for_each(Check::excuse);
    }
}

/// In milliseconds.
pub(super) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
