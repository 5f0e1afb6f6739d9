//! corelay-load's driver in a process of its own, so that it can have a CPU of its own and be counted apart; and what makes
//! its figures doubtful.

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use corelay_load::driving::Driving;
use corelay_load::{DriverLimit, Plan, Report};
use serde_json::{Value, json};

use super::servers::words;
use super::tools::Tools;

/// The CPU of the driver, where servers have CPU 0 alone.
pub(crate) const DRIVER_CPU: &str = "1";

/// How often a run is done at most, while other processes have the driver's CPU meanwhile: it would tell of them.
const ATTEMPTS: u64 = 3;

/// What to know of a run beside its figures.
#[derive(Debug, Clone, Default)]
pub(crate) struct Doubts {
    /// Requests that failed, and those that had no answer when the run was over.
    pub(crate) errors: u64,
    pub(crate) unanswered: u64,
    pub(crate) limits: Vec<DriverLimit>,
    /// Runs before this one that were disturbed.
    pub(crate) repeats: u64,
}

/// What a run found.
pub(crate) trait Sample {
    fn doubts(&mut self) -> &mut Doubts;

    /// Whether others had the driver's CPU, so that the run tells of them.
    fn is_disturbed(&mut self) -> bool {
        self.doubts().limits.contains(&DriverLimit::CpuShared)
    }
}

/// The first run that nothing disturbed, or the last of a few.
pub(crate) fn undisturbed<S: Sample>(mut run: impl FnMut() -> Result<S>) -> Result<S> {
    let mut repeats = 0;
    loop {
        let mut sample = run()?;
        if repeats + 1 == ATTEMPTS || !sample.is_disturbed() {
            sample.doubts().repeats = repeats;
            return Ok(sample);
        }
        repeats += 1;
    }
}

/// The command of the driver, which reads its plan from its standard input. Without a CPU it runs wherever the scheduler puts
/// it.
pub(crate) fn command(tools: &Tools, cpu: Option<&str>) -> Result<Vec<String>> {
    let mut command = cpu.map_or_else(Vec::new, |cpu| words(&["taskset", "-c", cpu]));
    command.push(tools.program("corelay-load-driver")?);
    Ok(command)
}

/// Carries out a plan.
pub(crate) fn run(plan: &Plan, tools: &Tools, cpu: Option<&str>) -> Result<Report> {
    let mut command = tools.command(&command(tools, cpu)?);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.spawn().context("cannot start the load driver")?;
    let mut input = child.stdin.take().context("its input is piped")?;
    input.write_all(&serde_json::to_vec(plan)?)?;
    drop(input);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the load driver failed: {}", output.status);
    serde_json::from_slice(&output.stdout).context("the load driver's report")
}

/// A run for who looks at the server before and after: the connections are open before it begins, and held when it is over.
pub(crate) fn start_and_hold(plan: &Plan, tools: &Tools, cpu: Option<&str>) -> Result<Driving> {
    let mut words = command(tools, cpu)?;
    words.push("--hold".into());
    Ok(Driving::start(&mut tools.command(&words), plan)?)
}

impl Doubts {
    pub(crate) fn of(report: &Report) -> Self {
        let totals = || report.groups.iter().map(|group| &group.total.errors);
        let unanswered = totals().map(|errors| errors.unanswered).sum();
        Self {
            errors: totals().map(|errors| errors.total()).sum::<u64>() - unanswered,
            unanswered,
            limits: report.driver.limits.clone(),
            repeats: 0,
        }
    }

    /// A line on those of several runs; empty if there are none.
    pub(crate) fn told<'a>(all: impl Iterator<Item = &'a Self> + Clone) -> String {
        let sum = |count: fn(&Self) -> u64| all.clone().map(count).sum::<u64>();
        let runs = |limit| all.clone().filter(|doubts| doubts.limits.contains(&limit)).count() as u64;
        let told = [
            (sum(|doubts| doubts.errors), "errors"),
            (sum(|doubts| doubts.unanswered), "unanswered"),
            (sum(|doubts| doubts.repeats), "disturbed runs repeated"),
            (runs(DriverLimit::SendsLate), "runs: driver sent late"),
            (runs(DriverLimit::CpuFull), "runs: driver's CPU full"),
            (runs(DriverLimit::CpuShared), "runs: others had the driver's CPU"),
        ];
        let told = told.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        told.collect::<Vec<_>>().join(", ")
    }

    /// The same for a file.
    pub(crate) fn json(&self) -> Value {
        json!({
            "errors": self.errors, "unanswered": self.unanswered,
            "driver_limits": self.limits, "repeats": self.repeats,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    struct Run(Doubts);

    impl Sample for Run {
        fn doubts(&mut self) -> &mut Doubts {
            &mut self.0
        }
    }

    #[test]
    fn a_disturbed_run_is_done_again_but_not_for_ever() {
        let disturbed = || Run(Doubts { limits: vec![DriverLimit::CpuShared], ..Doubts::default() });
        let mut runs = vec![Run(Doubts::default()), disturbed()];
        assert_eq!(undisturbed(|| Ok(runs.pop().unwrap())).unwrap().0.repeats, 1);
        assert_eq!(undisturbed(|| Ok(disturbed())).unwrap().0.repeats, ATTEMPTS - 1);
    }
}
