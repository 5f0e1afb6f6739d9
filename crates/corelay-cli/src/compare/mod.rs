//! `corelay compare`: the engines, and servers of others, under the same load, on the user's own machine.
//!
//! ```text
//!  options ─▶ comparison: each case, each round, each server ─▶ run: server, driver, looks ─▶ sample
//!                 │
//!                 └─▶ table (terminal) · json · page (HTML)
//! ```
//!
//! Everything is interleaved, because a machine's speed drifts by more than servers differ: a figure from yesterday proves
//! nothing beside one from today, two of neighbouring seconds do. Server and driver are processes of their own, both this very
//! program, so that there is nothing to install and each can have CPUs of its own.
//!
//! Deliberately absent: a stored baseline, and a verdict. It says what was found, and what cannot be told apart.

mod comparison;
mod contender;
mod drivers;
mod idle;
mod options;
mod order;
mod page;
pub(crate) mod processors;
mod run;
mod sample;
mod scenario;
mod server;
mod table;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use clap::ArgMatches;

use crate::{FAILURE, SUCCESS, USAGE, complain};
use comparison::Comparison;
use options::Options;
pub(crate) use options::command;

/// Measures, prints and writes what the flags ask for; the exit status.
pub(crate) fn run(flags: &ArgMatches) -> u8 {
    let options = match Options::gather(flags) {
        Ok(options) => options,
        Err(error) => {
            complain(format_args!("{error}\n\nFor more information, try 'corelay compare --help'."));
            return USAGE;
        }
    };
    let compared = Comparison::measure(&options, &mut |told| eprintln!("{told}"));
    match compared.and_then(|comparison| show(&comparison, &options)) {
        Ok(false) => SUCCESS,
        Ok(true) => {
            complain("not every server could be measured: the results are partial");
            FAILURE
        }
        Err(error) => {
            complain(format_args!("{error:#}"));
            FAILURE
        }
    }
}

/// What the driver's process is: this program, told so by the hidden command of that name.
pub(crate) fn drive() -> u8 {
    match corelay_load::driving::carry_out_and_hold() {
        Ok(()) => SUCCESS,
        Err(error) => {
            complain(error);
            FAILURE
        }
    }
}

/// Prints and writes the results; whether they are partial.
fn show(comparison: &Comparison, options: &Options) -> anyhow::Result<bool> {
    // Before anything that can fail: what took a quarter of an hour is not to be lost for want of a directory.
    print!("{}", table::render(comparison));
    if let Some(path) = &options.json {
        write(path, &format!("{:#}\n", comparison.json()))?;
    }
    if let Some(path) = &options.html {
        write(path, &page::of(comparison).html())?;
    }
    Ok(comparison.is_partial())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests;
