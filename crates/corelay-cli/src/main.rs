//! The binary `corelay`: `serve` runs the demo server, `status` reads a running one, `upgrade` has it replaced, `load` makes load on any, `compare` measures
//! the engines, and servers of others, beside each other.
//!
//! [`main`] turns the command line into one call of a named entry point, and its end into an exit status.
//! Everything it does goes through the public API of the libraries: what this program can, any
//! program can.
#![forbid(unsafe_code)]

mod admin;
mod claims;
mod command;
mod compare;
mod demo;
mod load;
mod log;
mod serve;
mod settings;
mod status;
mod systemd;
mod upgrade;

use std::process::ExitCode;

/// Every request was answered, or there was nothing to do.
const SUCCESS: u8 = 0;
/// Could not start, could not finish in time, could not be reached.
const FAILURE: u8 = 1;
/// The command line, the environment or the file is wrong. clap exits with the same status.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let matches = command::corelay().get_matches();
    let status = match matches.subcommand() {
        Some(("status", flags)) => status::run(flags),
        Some(("upgrade", flags)) => upgrade::run(flags),
        Some(("load", flags)) => load::run(flags),
        Some((load::DRIVER, _)) => load::run_driver(),
        Some(("compare", flags)) => match flags.subcommand() {
            Some(("claims", flags)) => claims::run(flags),
            Some((_, flags)) => claims::run_part(flags),
            None => compare::run(flags),
        },
        Some((command::LOAD_DRIVER, _)) => compare::drive(),
        Some((_, flags)) => serve::run(flags),
        // `corelay` alone is `corelay serve`: the first thing a newcomer types should serve something.
        None => serve::run(&command::serve().get_matches_from(["corelay"])),
    };
    ExitCode::from(status)
}

/// Tells the user, on standard error, what went wrong, in the form clap uses.
fn complain(error: impl std::fmt::Display) {
    use std::io::Write as _;
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "error: {error}");
}
