//! corelay-load's driver in a process of its own, so that it can have a CPU of its own and be counted apart.

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use corelay_load::{Plan, Report};

use super::servers::words;
use super::tools::Tools;

/// The command, on that CPU; without one, wherever the scheduler puts it.
pub(crate) fn command(tools: &Tools, cpu: Option<&str>) -> Result<Vec<String>> {
    let mut command = cpu.map_or_else(Vec::new, |cpu| words(&["taskset", "-c", cpu]));
    command.push(tools.program("corelay-load-driver")?);
    Ok(command)
}

/// Carries out a plan and gives what was found.
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
