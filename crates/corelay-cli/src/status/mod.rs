//! `corelay status`: one request to a running server, and a table of the answer.
//!
//! It reads what `GET /status` sends and nothing else: it needs no file, no signal and no right on the other
//! process, and works from another machine if the server can be reached from there.

pub(crate) mod fetch;
mod server;
mod table;

use std::io::{self, Write as _};

use anyhow::Context as _;
use clap::ArgMatches;

use crate::demo::status::DemoStatus;
use crate::{FAILURE, SUCCESS, USAGE, complain};
use server::Server;

/// Prints the status of the server that the flags name; the exit status.
pub(crate) fn run(flags: &ArgMatches) -> u8 {
    let url = flags.get_one::<String>("url").map_or("", String::as_str);
    let Some(server) = Server::parse(url) else {
        let expected = "http://HOST:PORT with or without a path, HOST:PORT, or unix:PATH";
        complain(format_args!("invalid value '{}' for URL: expected {expected}", url.escape_debug()));
        return USAGE;
    };
    let shown = show(&server, flags.get_flag("json")).with_context(|| format!("no status from {url}"));
    match shown {
        Ok(text) => print(&text),
        Err(error) => {
            complain(format_args!("{error:#}"));
            FAILURE
        }
    }
}

fn show(server: &Server, json: bool) -> anyhow::Result<String> {
    let body = fetch::fetch(server)?;
    let status: DemoStatus =
        serde_json::from_slice(&body).context("the answer is not a status of corelay")?;
    if json { String::from_utf8(body).context("the answer is not text") } else { Ok(table::render(&status)) }
}

/// A reader that has seen enough, such as `head`, closes the pipe: that is no failure to report.
fn print(text: &str) -> u8 {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(format_args!("cannot write to standard output: {error}"));
            FAILURE
        }
        _ => SUCCESS,
    }
}
