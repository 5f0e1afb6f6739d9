//! A client in a process of its own that holds connections until it is told to let go: `idle-client`, `slow-client`.
//!
//! It prints `holding COUNT` when it has all of them, holds them until its standard input ends, and fails if the server
//! dropped any meanwhile.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};

use anyhow::{Context, Result, ensure};

use super::tools::{Tools, shown};

/// A client that holds its connections. Dropped, it lets go as well: its input ends with it.
pub(crate) struct Holding {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Holding {
    /// Starts the client and waits until it holds every connection.
    pub(crate) fn start(words: &[String], count: usize, tools: &Tools) -> Result<Self> {
        let mut command = tools.command(words);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().with_context(|| format!("cannot start: {}", shown(words)))?;
        let mut output = BufReader::new(child.stdout.take().context("its output is piped")?);
        let mut said = String::new();
        output.read_line(&mut said)?;
        let holding = Self { child, output };
        if said.trim() != format!("holding {count}") {
            holding.release()?;
            anyhow::bail!("{} said {said:?}", shown(words));
        }
        Ok(holding)
    }

    /// Lets go, and gives what the client then says.
    pub(crate) fn release(mut self) -> Result<String> {
        drop(self.child.stdin.take());
        let mut said = String::new();
        self.output.read_to_string(&mut said)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the client that held connections failed: {status}");
        Ok(said)
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Only to leave no zombie: after `release` there is none, and its status was looked at.
        let _ = self.child.wait();
    }
}
