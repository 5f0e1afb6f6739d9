//! The load, in as many processes as it needs: one has so many descriptors, and a connection takes one.

use std::process::Command;

use anyhow::{Context as _, Result};
use corelay_load::driving::Driving;
use corelay_load::{Plan, Report};

use super::processors::{Processors, started_on};
use crate::command::LOAD_DRIVER;

/// Descriptors that a driver needs for itself: standard streams, poller, timer, and what the runtime opens.
const OWN_FILES: u64 = 64;

/// Processes whose connections are open.
pub(super) struct Drivers(Vec<Driving>);

impl Drivers {
    /// Starts them on the load's CPUs, and returns when all connections are open.
    pub(super) fn start(plan: &Plan, processors: &Processors) -> Result<Self> {
        let (_, files) = corelay_poll::limits::raise_open_files()?;
        let program = std::env::current_exe()?;
        let start = |part: &Plan| {
            let mut command = Command::new(&program);
            command.arg(LOAD_DRIVER);
            anyhow::Ok(started_on(&processors.load, || Driving::start(&mut command, part))??)
        };
        plan.split(parts(plan, files)).iter().map(start).collect::<Result<_>>().map(Self)
    }

    /// Has all of them begin with the warm-up.
    pub(super) fn begin(&mut self) -> Result<()> {
        Ok(self.0.iter_mut().try_for_each(Driving::begin)?)
    }

    /// What they found together, when all have ended.
    pub(super) fn report(&mut self) -> Result<Report> {
        let reports: Vec<_> = self.0.iter_mut().map(Driving::report).collect::<Result<_, _>>()?;
        Report::merge(reports).context("the reports of several drivers")
    }

    /// Closes the connections.
    pub(super) fn release(self) -> Result<()> {
        Ok(self.0.into_iter().try_for_each(Driving::release)?)
    }
}

/// How many processes there must be, where each may open so many files.
fn parts(plan: &Plan, files: u64) -> u32 {
    let connections: u64 = plan.groups.iter().map(|group| u64::from(group.connections)).sum();
    let each = files.saturating_sub(OWN_FILES).max(1);
    u32::try_from(connections.div_ceil(each)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use corelay_load::{Group, Mix};

    #[test]
    fn there_is_one_driver_until_its_descriptors_run_out() {
        let plan = |connections| {
            let mut plan = Plan::new(([127, 0, 0, 1], 80).into());
            plan.groups.push(Group::closed("plain", connections, Mix::only("/")));
            plan
        };
        let parts = |connections| parts(&plan(connections), 20_000);
        assert_eq!([64, 10_000, 19_936, 19_937, 60_000].map(parts), [1, 1, 1, 2, 4]);
    }
}
