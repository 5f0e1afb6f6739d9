//! `cargo xtask bench`: acceptance lines 2 to 5 of the foundation, measured beside the floor and the peers.
//!
//! ```text
//! options ─▶ tools (find, extract, build) ─▶ rounds: keep-alive, pipelined, close ─▶ report
//!                                          └▶ idle: memory per connection         ─┘
//! ```
//!
//! Everything is measured in one run and interleaved, because a machine's speed drifts by more than the servers
//! differ: a figure from yesterday proves nothing beside one from today, a ratio from neighbouring seconds does. The
//! method is told in `crates/corelay-bench/README.md`.
//!
//! Deliberately absent: latency (an open-loop load generator's job) and any stored baseline.

mod bounds;
mod idle;
mod machine;
mod options;
mod process;
mod report;
mod rounds;
mod running;
mod servers;
mod statistics;
mod tools;
mod wrk;

use anyhow::{Result, ensure};

use options::{Options, Section};
use report::Report;
use tools::Tools;

/// Measures what the arguments after `bench` ask for and prints it as one table.
///
/// # Errors
///
/// A wrong argument, a server or tool that is missing or does not do its job, and, after the table is printed, a bound
/// of the acceptance that corelay misses.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{}", options::HELP);
        return Ok(());
    }
    let options = Options::parse(arguments)?;
    let tools = Tools::prepare(&options)?;
    let mut report = Report::new(&tools);
    for &section in &options.sections {
        report.add(measure(section, &options, &tools)?);
    }
    report.finish();
    print!("{report}");
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", report.json()))?;
    }
    ensure!(report.missed() == 0, "corelay misses {} of the bounds above", report.missed());
    Ok(())
}

fn measure(section: Section, options: &Options, tools: &Tools) -> Result<report::Measurement> {
    let servers = options.servers_of(section);
    match section {
        Section::Idle => idle::measure(&servers, tools),
        Section::KeepAlive | Section::Pipelined | Section::Close => {
            rounds::compare_servers(section, &servers, options, tools)
        }
        Section::AcceptKeepAlive | Section::AcceptClose => {
            rounds::compare_accept_modes(section, options, tools)
        }
    }
}
