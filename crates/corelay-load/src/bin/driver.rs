//! `corelay-load-driver`: a [`Plan`](corelay_load::Plan) as JSON on standard input, its
//! [`Report`](corelay_load::Report) as JSON on standard output. The driver in a process of its own, to be pinned away
//! from the server it measures (`taskset -c 1 corelay-load-driver < plan.json`).
//!
//! With `--hold`, for who looks at the server before and after: it prints the line `open` when the connections are open, begins when
//! it is given an empty line, prints the report as one line when the run is over, and holds the connections until its input
//! ends. No other options: those are the plan's.
#![forbid(unsafe_code)]

use anyhow::{Context, Result, bail};
use corelay_load::Plan;
use serde_json::Deserializer;
use std::io::{self, Read, Write};

const NO_PLAN: &str = "standard input is no plan in JSON";

fn main() -> Result<()> {
    let options: Vec<String> = std::env::args().skip(1).collect();
    match options.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => run(),
        ["--hold"] => hold(),
        _ => bail!("usage: corelay-load-driver [--hold] < PLAN"),
    }
}

fn run() -> Result<()> {
    let plan = serde_json::from_reader(io::stdin().lock()).context(NO_PLAN)?;
    raise_open_files()?;
    let report = corelay_load::run(&plan)?;
    serde_json::to_writer_pretty(io::stdout().lock(), &report)?;
    println!();
    Ok(())
}

fn hold() -> Result<()> {
    // The input goes on behind the plan, so its end cannot say where that ends.
    let plan = Deserializer::from_reader(io::stdin().lock()).into_iter::<Plan>().next().context(NO_PLAN)?;
    let plan = plan.context(NO_PLAN)?;
    raise_open_files()?;
    let (report, held) = corelay_load::run_and_hold(&plan, || {
        println!("open");
        // An input that has ended begins it too.
        let _ = io::stdin().read_line(&mut String::new());
    })?;
    let mut output = io::stdout().lock();
    serde_json::to_writer(&mut output, &report)?;
    writeln!(output)?;
    io::stdin().read_to_end(&mut Vec::new())?;
    drop(held);
    Ok(())
}

fn raise_open_files() -> Result<()> {
    corelay_poll::limits::raise_open_files().context("cannot raise the limit of open files")?;
    Ok(())
}
