//! The small server of claims 2 and 10, in two forms of the same code: stages that hand each request from thread to thread, and threads
//! that run it to completion.
//!
//! ```text
//!  staged   accept ─▶ table, poller ─▶ reader: recv ─▶ queue ─▶ worker: handler ─▶ queue ─▶ writer: send, table, re-arm
//!  whole    accept ─▶ table, poller ─▶ reader: recv, handler, send, table
//! ```
//!
//! A connection is moved, never shared: it is in the table, in a queue or in a thread's hands. A line is one poller with its
//! threads, and there is a line for each processor. The stages of a staged line are on processors one after another, so that where
//! there is more than one a request crosses them. Staged connections are armed for one report and armed again by the writer, as a
//! connection must be that is in other hands meanwhile; whole ones stay armed.
//!
//! Deliberately absent: what a server needs that is not measured. Answers that the socket does not take at once close their
//! connection, no deadline, no limit, nothing parsed but where a request ends.

mod connection;
mod line;

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, bail};
use corelay_poll::{affinity, socket};

use connection::Connection;
use line::Line;

/// How a line works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Staged,
    Whole,
}

impl Form {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Whole => "whole",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Staged, Self::Whole].into_iter().find(|form| form.name() == name)
    }
}

/// Serves on a free port of 127.0.0.1, which it prints, until the process is ended.
pub(super) fn serve(form: &str) -> Result<()> {
    let form = Form::named(form).with_context(|| format!("there is no form {form:?}"))?;
    let cpus = affinity::usable_cpus()?;
    let lines: Vec<Arc<Line>> =
        (0..cpus.len()).map(|number| Line::start(form, &cpus, number)).collect::<Result<_>>()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut output = std::io::stdout().lock();
    writeln!(output, "listening on http://{}", listener.local_addr()?)?;
    output.flush()?;
    accept(&listener, &lines)
}

/// Deals connections out to the lines in turn.
fn accept(listener: &TcpListener, lines: &[Arc<Line>]) -> Result<()> {
    for number in 0_u32.. {
        match socket::accept(listener) {
            Ok((accepted, _)) => {
                let line = &lines[number as usize % lines.len()];
                line.take_in(Connection::new(accepted.into(), number)?)?;
            }
            // A peer that gave up; or no descriptor, in which case others must close first.
            Err(_) => thread::yield_now(),
        }
    }
    bail!("no number is left for a connection")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        assert!([Form::Staged, Form::Whole].iter().all(|form| Form::named(form.name()) == Some(*form)));
        assert_eq!(Form::named("async"), None);
    }
}
