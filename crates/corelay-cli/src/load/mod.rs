//! `corelay load`: load on a server, and what it did to the answers.
//!
//! ```text
//! flags ─▶ options ─▶ plan ─▶ drive: here, or in several processes ─▶ Report ─▶ summary, files, exit status
//!                               └▶ line: how far it is, on a terminal
//! ```
//!
//! All that is sent and counted is corelay-load's. Deliberately absent: TLS and HTTP/2, which the servers measured here do not speak
//! themselves; a script for each request, since a mix is drawn and not computed.

mod call;
mod condition;
mod drive;
mod driver;
mod error;
mod flags;
mod line;
mod mix_file;
mod options;
mod output;
mod page;
mod requests;
mod room;
mod summary;
mod target;
mod units;
mod wire;

use std::io::{self, Write as _};
use std::thread;

use anyhow::Context as _;
use clap::ArgMatches;
use corelay_load::machine::Machine;
use corelay_load::{Ending, Report};

use crate::{FAILURE, SUCCESS, USAGE, complain};
use condition::Held;
use options::Options;

pub(crate) use driver::run as run_driver;
pub(crate) use flags::{command, driver_command};

/// The command that makes this program one of the processes of a load.
pub(crate) const DRIVER: &str = "load-driver";

/// What the report calls the connections of the flags.
const GROUP: &str = "load";

/// What was asked for and what was found.
struct Run<'r> {
    options: &'r Options,
    report: &'r Report,
    /// What became of a process that did not report.
    lost: Option<String>,
    /// Where the load came from, while it lasted.
    machine: Machine,
}

/// Makes the load that the flags ask for; the exit status.
pub(crate) fn run(flags: &ArgMatches) -> u8 {
    let options = match Options::read(flags) {
        Ok(options) => options,
        Err(error) => {
            complain(error);
            return USAGE;
        }
    };
    match load(&options) {
        Ok(status) => status,
        Err(error) => {
            complain(format_args!("{error:#}"));
            FAILURE
        }
    }
}

fn load(options: &Options) -> anyhow::Result<u8> {
    let target = &options.target;
    let address =
        target.find(options.timeout).with_context(|| format!("cannot connect to {}", target.url))?;
    let mut plan = options.plan(address);
    let processes = match room::fit(&mut plan, options.processes)? {
        Ok(processes) => processes,
        Err(error) => {
            complain(error);
            return Ok(USAGE);
        }
    };
    let mut machine = Machine::observe(thread::available_parallelism().map_or(1, usize::from));
    let driven = drive::drive(&plan, processes)?;
    machine.finish();
    let run = Run { options, report: &driven.report, lost: driven.lost, machine };
    print(&summary::summary(&run))?;
    let held = held(&run);
    output::write(&run, &plan, &held)?;
    Ok(conclude(&run, &held))
}

/// The conditions of `--fail-on` that hold.
fn held(run: &Run<'_>) -> Vec<Held> {
    let conditions = run.options.fail_on.iter();
    conditions
        .zip(run.report.groups.iter().cycle())
        .filter_map(|(condition, group)| condition.holds(group))
        .collect()
}

/// Says what makes it a failure, if something does.
fn conclude(run: &Run<'_>, held: &[Held]) -> u8 {
    held.iter().for_each(|held| complain(format_args!("--fail-on {held}")));
    let partial = run.partial();
    if let Some(why) = &partial {
        complain(format_args!("{why}: the figures are partial"));
    }
    let nothing = run.report.ending == Ending::AsPlanned
        && run.report.groups.iter().all(|group| group.total.answered == 0 && group.total.requests > 0);
    if nothing {
        complain(format_args!("no request to {} had the answer it asked for", run.options.target.url));
    }
    if held.is_empty() && partial.is_none() && !nothing { SUCCESS } else { FAILURE }
}

/// A reader that has seen enough, such as `head`, closes the pipe: that is no failure to report.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}
