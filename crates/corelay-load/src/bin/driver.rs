//! `corelay-load-driver`: a [`Plan`](corelay_load::Plan) as JSON on standard input, its
//! [`Report`](corelay_load::Report) as JSON on standard output. The driver in a process of its own, to be pinned away
//! from the server it measures (`taskset -c 1 corelay-load-driver < plan.json`).
//!
//! With `--hold`, for who looks at the server before and after: it prints the line `open` when the connections are open, begins when
//! it is given an empty line, prints the report as one line when the run is over, and holds the connections until its input
//! ends. No other options: those are the plan's.
#![forbid(unsafe_code)]

use anyhow::{Result, bail};
use corelay_load::driving::{carry_out, carry_out_and_hold};

fn main() -> Result<()> {
    let options: Vec<String> = std::env::args().skip(1).collect();
    match options.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => carry_out()?,
        ["--hold"] => carry_out_and_hold()?,
        _ => bail!("usage: corelay-load-driver [--hold] < PLAN"),
    }
    Ok(())
}
