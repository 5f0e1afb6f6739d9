//! The slow streams: `slow-client` on the driver's CPU, and the look at the server that they are what they are to be.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use corelay_bench::response;
use serde_json::Value;

use crate::bench::driver::DRIVER_CPU;
use crate::bench::holding::Holding;
use crate::bench::servers::words;
use crate::bench::tools::Tools;

/// Of each stream, in bytes a second.
const BYTES_PER_SECOND: usize = 1000;

/// Reasons for a close that would mean that the server gave streams up: `corelay::CloseReason` has them all.
const GIVEN_UP: [&str; 9] = [
    "answer_broken",
    "body_timeout",
    "body_too_slow",
    "head_timeout",
    "idle_timeout",
    "internal",
    "overload",
    "write_timeout",
    "write_too_slow",
];

/// Streams under way.
pub(super) struct Streams {
    holding: Holding,
    server: SocketAddr,
    uploads: usize,
    readers: usize,
}

/// What streams moved, and what that took.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Moved {
    /// Over what their pace would have been; the smaller of uploads' and readers'.
    pub(super) pace: f64,
    /// Share of the driver's CPU that the client used.
    pub(super) client_cpu_share: f64,
}

/// The command, with the address and the counts as given.
pub(super) fn command(address: &str, uploads: &str, readers: &str, tools: &Tools) -> Result<Vec<String>> {
    let pace = BYTES_PER_SECOND.to_string();
    let client = tools.program("slow-client")?;
    let pinned = ["taskset", "-c", DRIVER_CPU, &client, address];
    let options = ["--uploads", uploads, "--readers", readers, "--bytes-per-second", &pace];
    Ok(words(&[&pinned[..], &options[..]].concat()))
}

impl Streams {
    /// Opens them; they are under way when this returns.
    pub(super) fn open(server: SocketAddr, [uploads, readers]: [usize; 2], tools: &Tools) -> Result<Self> {
        let command = command(&server.to_string(), &uploads.to_string(), &readers.to_string(), tools)?;
        let holding = Holding::start(&command, uploads + readers, tools)?;
        Ok(Self { holding, server, uploads, readers })
    }

    /// Fails unless the server has them all: the connections, a service thread for each upload, and none given up.
    pub(super) fn check(&self) -> Result<()> {
        let status = status(self.server)?;
        let count = |pointer: &str| status.pointer(pointer).and_then(Value::as_u64).unwrap_or(0) as usize;
        let (connections, threads) = (count("/connections"), count("/service/threads"));
        ensure!(
            connections >= self.uploads + self.readers && threads >= self.uploads,
            "{connections} connections and {threads} service threads for {} uploads and {} readers",
            self.uploads,
            self.readers
        );
        let cores = status["cores"].as_array().context("a status without cores")?;
        for (reason, closed) in cores.iter().filter_map(|core| core["closes"].as_object()).flatten() {
            ensure!(!GIVEN_UP.contains(&reason.as_str()), "the server closed {closed} connections: {reason}");
        }
        Ok(())
    }

    /// Ends them, and says what they moved.
    pub(super) fn end(self) -> Result<Moved> {
        let Self { holding, uploads, readers, .. } = self;
        Moved::parse(&holding.release()?, uploads, readers)
    }
}

impl Moved {
    fn parse(said: &str, uploads: usize, readers: usize) -> Result<Self> {
        let said: Value = serde_json::from_str(said).with_context(|| format!("slow-client said {said:?}"))?;
        let number = |name: &str| said[name].as_f64().with_context(|| format!("{name} is missing in {said}"));
        let seconds = number("seconds")?;
        let pace = |bytes: f64, streams: usize| match streams {
            0 => f64::INFINITY,
            streams => bytes / (seconds * (streams * BYTES_PER_SECOND) as f64),
        };
        let (sent, received) = (number("sent_bytes")?, number("received_bytes")?);
        Ok(Self {
            pace: pace(sent, uploads).min(pace(received, readers)),
            client_cpu_share: number("cpu_seconds")? / seconds,
        })
    }
}

fn status(server: SocketAddr) -> Result<Value> {
    let answer = response::fetch(&format!("http://{server}/status"))?;
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n").context("an answer without a head")?;
    serde_json::from_slice(&answer[body + 4..]).context("the server's status")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn the_pace_is_that_of_the_slower_kind_and_a_kind_that_is_not_there_has_none() {
        let said = r#"{"sent_bytes": 9000, "received_bytes": 10000, "seconds": 2.0, "cpu_seconds": 0.1}"#;
        let moved = |uploads, readers| Moved::parse(said, uploads, readers).unwrap();
        assert_eq!(moved(5, 5), Moved { pace: 0.9, client_cpu_share: 0.05 });
        assert_eq!(moved(0, 5).pace, 1.0);
        assert!(Moved::parse("{}", 5, 5).is_err());
    }
}
