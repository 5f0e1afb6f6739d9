//! Memory against connections: one server, and drivers that come one after another, each with as many connections as a step adds.
//!
//! A driver asks once on each of its connections, so that what a server keeps for a connection that was used is counted, and then
//! holds them, idle, until the last step is measured.

use anyhow::{Context as _, Result};
use corelay_load::process::footprint::Footprint;

use super::drivers::Drivers;
use super::run::Run;
use super::sample::{Sample, Step};
use super::scenario::Setting;
use super::server::Server;

/// Readings with connections, besides the one without.
const STEPS: u32 = 4;

/// Measures a server's memory at each step.
pub(super) fn sample(run: &Run<'_>, server: &Server, setting: &Setting) -> Result<Sample> {
    let process =
        server.id().context("memory can be read only of a server that is started here: --against-cmd")?;
    let wanted = run.case.connections_of(setting);
    let mut steps = vec![Step { connections: 0, footprint: Footprint::read(process)? }];
    let mut held = Vec::new();
    for step in 1..=STEPS {
        let open = steps.last().map_or(0, |step| step.connections);
        let target = u32::try_from(u64::from(wanted) * u64::from(step) / u64::from(STEPS))?;
        if target == open {
            continue;
        }
        let mut plan = run.case.plan(server.address, &server.host, setting);
        plan.groups = run.case.groups_of(target - open, setting);
        let mut drivers = Drivers::start(&plan, run.processors)?;
        drivers.begin()?;
        let report = drivers.report()?;
        let total = &report.group("plain").context("the driver reports its group")?.total;
        anyhow::ensure!(
            total.errors.total() == 0,
            "{target} connections could not all be served: {}",
            super::run::told(&total.errors)
        );
        held.push(drivers);
        steps.push(Step { connections: target, footprint: Footprint::read(process)? });
    }
    held.into_iter().try_for_each(Drivers::release)?;
    let footprint = steps.last().map(|step| step.footprint);
    Ok(Sample { footprint, steps, ..Sample::default() })
}
