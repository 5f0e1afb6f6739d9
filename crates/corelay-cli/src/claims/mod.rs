//! `corelay compare claims`: ten claims about servers and threads, each tried on this machine.
//!
//! ```text
//!  Claim ─▶ experiment ─▶ Evidence: checks, tables, commands ─▶ Verdict ─▶ Claims ─▶ terminal, JSON, Markdown, HTML
//! ```
//!
//! An experiment starts the servers it needs in processes of their own, on the first half of the processors, and loads them from
//! the rest. It returns what it saw; whether that reproduces the claim is decided by the checks alone ([`finding::Verdict`]), so
//! no experiment judges itself. One that cannot be carried out (no descriptors, no permission, too few processors) is a
//! verdict too, and the others go on.
//!
//! Deliberately absent: an opinion on what is not measured. A figure that is computed and not measured stands in a table that
//! says `simulated`.

mod experiments;
mod finding;
mod load;
mod markdown;
mod options;
mod page;
mod part;
mod sampling;
mod server;
mod setup;
mod simulation;
mod staged;
mod terminal;

use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::ArgMatches;
use corelay_load::machine::Machine;

use crate::{FAILURE, SUCCESS, complain};
use experiments::CLAIMS;
use finding::{Claims, Evidence, Finding};
use options::Options;
pub(crate) use options::command;
pub(crate) use part::{command as part_command, run as run_part};
use setup::Setup;

/// Tries the claims, or reads what was found before, and writes it where it is wanted; the exit status. A claim that is refuted
/// is no failure of the command.
pub(crate) fn run(flags: &ArgMatches) -> u8 {
    match Options::from(flags).and_then(|options| report(&options)) {
        Ok(()) => SUCCESS,
        Err(error) => {
            complain(format_args!("{error:#}"));
            FAILURE
        }
    }
}

fn report(options: &Options) -> Result<()> {
    let claims = match &options.from {
        Some(path) => read(path)?,
        None => try_all(options)?,
    };
    terminal::write(&mut io::stdout().lock(), &claims)?;
    if let Some(path) = &options.json {
        write(path, &format!("{}\n", serde_json::to_string_pretty(&claims)?))?;
    }
    if let Some(path) = &options.markdown {
        write(path, &markdown::page(&claims))?;
    }
    if let Some(path) = &options.html {
        write(path, &page::of(&claims).html())?;
    }
    Ok(())
}

fn try_all(options: &Options) -> Result<Claims> {
    let setup = Setup::new(options.scale)?;
    let machine = Machine::observe(setup.all_cpus().len());
    let mut claims = Claims::begin(&setup, &machine);
    let mut wanted: Vec<_> = CLAIMS.iter().filter(|claim| options.wants(claim.number)).collect();
    wanted.sort_by_key(|claim| claim.churns);
    for claim in wanted {
        // Progress; nobody need read it.
        let _ = writeln!(io::stderr(), "claim {}: {}", claim.number, claim.said);
        let begun = Instant::now();
        let evidence = (claim.experiment)(&setup).unwrap_or_else(|error| Evidence::failed(&error));
        claims.findings.push(Finding::new(claim, evidence, begun.elapsed()));
    }
    claims.findings.sort_by_key(|finding| finding.number);
    claims.finish(machine);
    Ok(claims)
}

fn read(path: &Path) -> Result<Claims> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not what `--json` writes", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
