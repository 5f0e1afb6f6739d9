//! Memory of idle keep-alive connections: resident bytes before and after, divided by their number.

use anyhow::{Context, Result};

use super::holding::Holding;
use super::options::Section;
use super::report::{Measurement, Row};
use super::running::{Running, free_addresses};
use super::servers::{Server, url, words};
use super::tools::{Tools, shown};
use super::wrk;
use corelay_load::process::usage::resident_bytes;

/// Connections held, as in the acceptance: they fit under a limit of 20,000 descriptors a process.
const CONNECTIONS: u32 = 15_000;

/// How often it is done, with a new process each time: memory has no drift to average, but allocators have moods.
const REPEATS: usize = 3;

/// Measures each server in turn.
pub(crate) fn measure(servers: &[Server], tools: &Tools) -> Result<Measurement> {
    let mut rows = Vec::new();
    for &server in servers {
        let mut row = Row::new(server.name(), tools.version(server));
        for repeat in 0..REPEATS {
            eprintln!("Idle: {} {} of {REPEATS}", server.name(), repeat + 1);
            hold(server, tools, &mut row)
                .with_context(|| format!("{} with idle connections", server.name()))?;
        }
        rows.push(row);
    }
    let load = client_command("ADDRESS", tools)?;
    Ok(Measurement { section: Section::Idle, load: shown(&load), rows })
}

fn hold(server: Server, tools: &Tools, row: &mut Row) -> Result<()> {
    let addresses = free_addresses(1)?;
    let running = Running::start(tools, &server.command(tools, &addresses, None)?, &addresses)?;
    row.command.clone_from(&running.command);
    // A server that has worked: what it allocates once, on first use, is not a connection's.
    wrk::run(&wrk::command(Section::KeepAlive, 1, &url(addresses[0]), tools)?, tools)?;

    let before = resident_bytes(running.id())?;
    let command = client_command(&addresses[0].to_string(), tools)?;
    let client = Holding::start(&command, CONNECTIONS as usize, tools)?;
    let after = resident_bytes(running.id());
    client.release()?;
    let after = after?;
    row.costs.push(after.saturating_sub(before) as f64 / f64::from(CONNECTIONS));
    row.beside.push(after as f64 / f64::from(1 << 20));
    Ok(())
}

fn client_command(address: &str, tools: &Tools) -> Result<Vec<String>> {
    let client = tools.program("idle-client")?;
    Ok(words(&["taskset", "-c", "1", &client, address, &CONNECTIONS.to_string()]))
}
