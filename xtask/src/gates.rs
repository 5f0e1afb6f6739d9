//! `cargo xtask test`: every gate in order, from the quick to the slow, stopping at the first that fails.
//!
//! corelay-bench has its default features throughout: its peers are built by `cargo xtask bench` alone.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::report::{Count, Report};
use crate::shell::{self, shown};
use crate::workspace::{Metadata, cargo};
use crate::{manifests, tidy, tools, xcheck};

/// Integration tests that have a step of their own: they need what [`tools`] installs.
const END_TO_END: &str = "e2e";
const REAL_CLIENTS: &str = "real_clients";
const BUDGET: &str = "budget";
const RPC: &str = "rpc";
const FAULTS: &str = "faults";
const CLUSTER: &str = "cluster";

/// Runs the gates and prints the totals, whatever happens, as the last line.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let advisories = match arguments {
        [] => false,
        [only] if only == "--advisories" => true,
        _ => {
            eprintln!("error: cargo xtask test takes --advisories or nothing, not {}", arguments.join(" "));
            return ExitCode::from(2);
        }
    };
    let mut report = Report::default();
    let outcome = all(&mut report, advisories);
    if let Err(error) = &outcome {
        println!("\nstopped: {error:#}");
    }
    report.finish();
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn all(report: &mut Report, advisories: bool) -> Result<()> {
    report.step("format", || one(&mut cargo(&["fmt", "--all", "--check"])))?;
    report.step("tidy", || tidy::run().map(|()| Count::ONE))?;
    let lints = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    report.step("lints", || one(&mut cargo(&lints)))?;
    report.step("build", || one(&mut cargo(&["build", "--workspace"])))?;
    report.step("the README's first command has one program to run", || {
        one(&mut cargo(&["run", "--", "--help"]))
    })?;
    report.step("build the tests", || one(&mut cargo(&["test", "--workspace", "--no-run"])))?;
    report.step("unit, property and integration tests", unit_and_integration)?;
    report.step("models of what threads share, checked by loom", models)?;
    report.step("documentation examples", || tests(&mut cargo(&["test", "--workspace", "--doc"])))?;
    report.step("documentation", documentation)?;
    report.step("install the clients", || tools::install_clients().map(|()| Count::ONE))?;
    report.step("end to end", || end_to_end(END_TO_END))?;
    report.step("real clients", || end_to_end(REAL_CLIENTS))?;
    report.step("RPCs", || end_to_end(RPC))?;
    report.step("faults and enemies", || end_to_end(FAULTS))?;
    report.step("HAProxy before nodes in network namespaces", || end_to_end(CLUSTER))?;
    report.step("manifests for Kubernetes, by its schemas", || manifests::validate().map(|()| Count::ONE))?;
    report.step("budgets", || end_to_end(BUDGET))?;
    report.step("dependencies", || dependencies(advisories))?;
    report.step("kqueue for FreeBSD and macOS, type-checked", || xcheck::run().map(|()| Count::ONE))
}

/// A command that is one check.
fn one(command: &mut Command) -> Result<Count> {
    shell::run(command).map(|()| Count::ONE)
}

/// Every library, binary, example and integration test but those with a step of their own.
fn unit_and_integration() -> Result<Count> {
    let mut command = cargo(&["test", "--workspace", "--no-fail-fast", "--lib", "--bins", "--examples"]);
    for name in Metadata::read()?.integration_tests() {
        if ![END_TO_END, REAL_CLIENTS, BUDGET, RPC, FAULTS, CLUSTER].contains(&name.as_str()) {
            command.args(["--test", &name]);
        }
    }
    tests(&mut command)
}

fn end_to_end(target: &str) -> Result<Count> {
    // The same selection of packages as everywhere, lest cargo unites features differently and builds all again.
    tests(&mut cargo(&["test", "--workspace", "--no-fail-fast", "--test", target]))
}

/// The protocols between threads, in every order that memory and scheduler allow. A build of its own: loom's types
/// take the place of the standard library's.
fn models() -> Result<Count> {
    let mut command = cargo(&["test", "--package", "corelay", "--lib", "--release", "model"]);
    command
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", crate::workspace::root().join("target/loom"));
    command.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    tests(&mut command)
}

/// A link in the documentation that leads nowhere is an error.
fn documentation() -> Result<Count> {
    one(cargo(&["doc", "--workspace", "--no-deps", "--lib"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn dependencies(advisories: bool) -> Result<Count> {
    let deny = tools::cargo_deny()?;
    let mut command = Command::new(deny);
    command.current_dir(crate::workspace::root()).args(["--workspace", "check", "--hide-inclusion-graph"]);
    command.args(["licenses", "bans", "sources"]);
    if advisories {
        command.arg("advisories");
    } else {
        println!("the advisory database is fetched from the network, and so asked only by --advisories");
    }
    one(&mut command)
}

/// Runs test binaries, passing their output on and counting what they say.
pub(crate) fn tests(command: &mut Command) -> Result<Count> {
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.with_context(|| format!("cannot start {}", shown(command)))?;
    let stdout = child.stdout.take().context("standard output is piped")?;
    let mut count = Count::default();
    let mut ignored = Ok(());
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        println!("{line}");
        ignored = ignored.and(count.add_line(&line));
    }
    let status = child.wait()?;
    ignored?;
    match count {
        _ if !status.success() && count.failed == 0 => bail!("{}: {status}", shown(command)),
        Count { passed: 0, failed: 0 } => bail!("{} ran no test", shown(command)),
        count => Ok(count),
    }
}
