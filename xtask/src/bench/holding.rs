//! A client in a process of its own that holds connections until it is told to let go: `idle-client` and `slow-client`.
//!
//! It says so in a line (of the first two, `holding COUNT`), holds them until its standard input ends, and fails if the server
//! dropped any meanwhile.

use std::io::{BufRead, BufReader, Read, Write};
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
        let mut holding = Self::launch(words, b"", tools)?;
        let said = holding.line()?;
        if said.trim() != format!("holding {count}") {
            holding.release()?;
            anyhow::bail!("{} said {said:?}", shown(words));
        }
        Ok(holding)
    }

    /// Starts a client, tells it `input`, and waits for nothing.
    pub(crate) fn launch(words: &[String], input: &[u8], tools: &Tools) -> Result<Self> {
        let mut command = tools.command(words);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().with_context(|| format!("cannot start: {}", shown(words)))?;
        let output = BufReader::new(child.stdout.take().context("its output is piped")?);
        let mut holding = Self { child, output };
        holding.tell(input)?;
        Ok(holding)
    }

    /// Writes to its input.
    pub(crate) fn tell(&mut self, input: &[u8]) -> Result<()> {
        Ok(self.child.stdin.as_mut().context("its input is piped")?.write_all(input)?)
    }

    /// The next line that it says; empty if it has ended.
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut said = String::new();
        self.output.read_line(&mut said)?;
        Ok(said)
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
