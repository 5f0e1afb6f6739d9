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
//! Some comparisons have a word of their own: `bench monitor`, what the relay's monitor costs a request, by the same means; and
//! those with corelay-load's driver, which tells latency by path: [`relay`], plain requests beside handlers that block;
//! [`blocking`], the same on other servers; [`streams`], plain requests beside slow streams; [`skew`], all hot connections on
//! one core; [`engines`], the three engines with up to ten thousand connections; [`overload`], ten times what can be
//! done; [`upgrades`], one after the other under load; and [`postgres`], handlers that wait for a database. Calls are compared by
//! [`rpc`], under h2load; [`kv`] puts the key-value example beside redis; and the generator itself is measured beside others by
//! [`load`].
//!
//! Deliberately absent: any stored baseline.

mod beside;
mod blocking;
mod bounds;
mod driver;
mod engines;
mod h2load;
mod holding;
mod idle;
mod kv;
mod load;
mod options;
mod overload;
mod postgres;
mod relay;
mod report;
mod rounds;
mod rpc;
mod running;
mod servers;
mod skew;
pub(crate) mod slow;
pub(crate) mod soak;
mod streams;
mod tools;
mod upgrades;
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
    if let Some(("postgres", rest)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return postgres::run(rest);
    }
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{}", options::HELP);
        return Ok(());
    }
    match arguments.split_first() {
        Some((word, rest)) if word == "relay" => relay::run(rest),
        Some((word, rest)) if word == "engines" => engines::run(rest),
        Some((word, rest)) if word == "load" => load::run(rest),
        Some((word, rest)) if word == "rpc" => rpc::run(rest),
        Some((word, rest)) if word == "kv" => kv::run(rest),
        Some((word, rest)) if word == "skew" => skew::run(rest),
        Some((word, rest)) if word == "overload" => overload::run(rest),
        Some((word, rest)) if word == "streams" => streams::run(rest),
        Some((word, rest)) if word == "upgrades" => upgrades::run(rest),
        Some((word, rest)) if word == "blocking" => blocking::run(rest),
        Some((word, rest)) if word == "monitor" => {
            // What is given comes later, and wins.
            let defaults = ["--only", "keepalive,pipelined", "--servers", "corelay"].map(String::from);
            let measure = |section, options: &_, tools: &_| rounds::compare_relay(section, options, tools);
            run_sections(&[&defaults, rest].concat(), measure)
        }
        _ => run_sections(arguments, measure),
    }
}

fn run_sections(
    arguments: &[String],
    measure: impl Fn(Section, &Options, &Tools) -> Result<report::Measurement>,
) -> Result<()> {
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
