//! The processes that experiments need and users do not: `corelay compare claims-part NAME`, hidden from the help.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Arg, ArgAction, ArgMatches};
use corelay_poll::limits;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::staged;
use crate::{FAILURE, SUCCESS, complain};

/// The small server of claims 2 and 10, in the form that is named.
pub(super) const STAGED: &str = "staged";

/// Lowers one of its own limits and becomes `corelay` with the rest of the arguments: `limited as 2000000000 serve …`.
pub(super) const LIMITED: &str = "limited";

const NAME: &str = "claims-part";

/// `corelay compare claims-part`.
pub(crate) fn command() -> clap::Command {
    clap::Command::new(NAME)
        .about("A process that `compare claims` starts for itself")
        .hide(true)
        .arg(Arg::new("part").required(true))
        .arg(
            Arg::new("arguments")
                .action(ArgAction::Append)
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true),
        )
}

/// The arguments that start a part.
pub(super) fn words(part: &str, arguments: &[&str]) -> Vec<String> {
    super::setup::words(&[&["compare", NAME, part], arguments].concat())
}

/// Runs one; the exit status.
pub(crate) fn run(flags: &ArgMatches) -> u8 {
    match part(flags) {
        Ok(()) => SUCCESS,
        Err(error) => {
            complain(format_args!("{error:#}"));
            FAILURE
        }
    }
}

fn part(flags: &ArgMatches) -> Result<()> {
    limits::raise_open_files().context("cannot raise the limit of open files")?;
    let part = flags.get_one::<String>("part").map_or("", String::as_str);
    match part {
        LIMITED => limited(flags),
        STAGED => staged::serve(arguments(flags).first().map_or("", |form| form.as_str())),
        _ => bail!("there is no part {part:?}"),
    }
}

fn arguments(flags: &ArgMatches) -> Vec<&String> {
    flags.get_many("arguments").into_iter().flatten().collect()
}

fn limited(flags: &ArgMatches) -> Result<()> {
    let words = arguments(flags);
    let [name, value, rest @ ..] = &words[..] else { bail!("limited NAME VALUE WORDS") };
    let resource = match name.as_str() {
        "as" => Resource::As,
        "nproc" => Resource::Nproc,
        _ => bail!("there is no limit {name:?}"),
    };
    let value = Some(value.parse()?);
    setrlimit(resource, Rlimit { current: value, maximum: value })?;
    // Only returns if it fails.
    Err(Command::new(std::env::current_exe()?).args(rest).exec().into())
}
