//! `corelay-load-driver`: a [`Plan`](corelay_load::Plan) as JSON on standard input, its
//! [`Report`](corelay_load::Report) as JSON on standard output. The driver in a process of its own, to be pinned away
//! from the server it measures (`taskset -c 1 corelay-load-driver < plan.json`). No options: those are the plan's.
#![forbid(unsafe_code)]

use anyhow::{Context, Result};
use std::io;

fn main() -> Result<()> {
    let plan = serde_json::from_reader(io::stdin().lock()).context("standard input is no plan in JSON")?;
    corelay_poll::limits::raise_open_files().context("cannot raise the limit of open files")?;
    let report = corelay_load::run(&plan)?;
    serde_json::to_writer_pretty(io::stdout().lock(), &report)?;
    println!();
    Ok(())
}
