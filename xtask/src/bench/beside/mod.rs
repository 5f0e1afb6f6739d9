//! Plain requests beside others that block: what `bench relay` and `bench blocking` share.
//!
//! ```text
//! Scenario ─▶ plan ─▶ driver, a process on CPU 1 ─▶ server on CPU 0        Report ─▶ Sample ─▶ Samples ─▶ cells, JSON
//! ```
//!
//! Every run has a server of its own, so that nothing that one scenario taught it, or left asleep in it, is there in the next.
//!
//! Deliberately absent: which servers and scenarios there are, and what they must keep. Each bench says that itself.

mod samples;
mod scenario;

use std::time::Duration;

use anyhow::Result;

use super::driver::{self, DRIVER_CPU};
use super::running::{Running, free_addresses};
use super::tools::Tools;
pub(crate) use samples::{Samples, mind};
pub(crate) use scenario::{Load, Sample, Scenario};

/// One server, and how long it is loaded.
pub(crate) struct Loading<'a> {
    pub(crate) tools: &'a Tools,
    /// The server's command, without an address.
    pub(crate) server: Vec<String>,
    /// Added to the warm-up of each run, half of it with plain requests alone, for a server that compiles itself while it runs:
    /// first what is asked for most, then what the scenario adds. Often zero.
    pub(crate) heat: Duration,
    /// What is measured of one run.
    pub(crate) duration: Duration,
}

impl Loading<'_> {
    /// The first run that nothing disturbed, or the last of a few.
    pub(crate) fn sample(&self, scenario: &Scenario) -> Result<Sample> {
        driver::undisturbed(|| self.sample_once(scenario))
    }

    /// Starts the server, with one address.
    pub(crate) fn start(&self) -> Result<Running> {
        let addresses = free_addresses(1)?;
        let mut command = self.server.clone();
        command.extend(["--listen".into(), addresses[0].to_string()]);
        Running::start(self.tools, &command, &addresses)
    }

    fn sample_once(&self, scenario: &Scenario) -> Result<Sample> {
        let server = self.start()?;
        let address = server.address(0);
        if !self.heat.is_zero() {
            driver::run(&Scenario::ALONE.plan(address, self.heat / 2), self.tools, Some(DRIVER_CPU))?;
        }
        let mut plan = scenario.plan(address, self.duration);
        plan.warm_up += self.heat / 2;
        let report = driver::run(&plan, self.tools, Some(DRIVER_CPU))?;
        drop(server);
        scenario.sample(&report)
    }
}

/// The scenarios' numbers in the order of a round: there, then back.
pub(crate) fn order(count: usize, round: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}
