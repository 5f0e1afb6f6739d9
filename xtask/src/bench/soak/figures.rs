//! What the server holds and has counted, and the figures of a soak.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corelay_bench::response;
use corelay_load::Report;
use corelay_load::process::usage::{resident_bytes, thread_count};
use serde_json::Value;

use super::enemy::Tally;
use crate::bench::running::Running;

/// Memory that the server may have more at the end than at the beginning, in bytes: an allocator does not give back the same
/// after every peak.
const MEMORY_PLAY_BYTES: u64 = 64 << 20;
/// Threads that wait for work at one moment and not at another.
const THREADS_PLAY: usize = 4;

/// What it holds when nobody wants anything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holdings {
    files: usize,
    threads: usize,
    resident_bytes: u64,
}

impl Holdings {
    pub(super) fn of(process: u32) -> Result<Self> {
        let files = std::fs::read_dir(format!("/proc/{process}/fd"))?.count();
        Ok(Self { files, threads: thread_count(process)?, resident_bytes: resident_bytes(process)? })
    }

    pub(super) fn ensure_nothing_is_kept(&self, after: &Self) -> Result<()> {
        ensure!(after.files <= self.files, "descriptors are kept");
        ensure!(after.threads <= self.threads + THREADS_PLAY, "threads are kept");
        ensure!(after.resident_bytes <= self.resident_bytes + MEMORY_PLAY_BYTES, "memory is kept");
        Ok(())
    }
}

impl fmt::Display for Holdings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = self.resident_bytes as f64 / f64::from(1 << 20);
        write!(out, "{} descriptors, {} threads, {mib:.1} MiB resident", self.files, self.threads)
    }
}

/// The server's own counters.
pub(super) struct Status(Value);

impl Status {
    pub(super) fn of(server: &Running) -> Result<Self> {
        let answer = response::fetch(&format!("http://{}/status", server.address(0)))?;
        let body =
            answer.windows(4).position(|four| four == b"\r\n\r\n").context("an answer without a head")?;
        Ok(Self(serde_json::from_slice(&answer[body + 4..]).context("the server's status")?))
    }

    pub(super) fn connections(&self) -> u64 {
        self.0["connections"].as_u64().unwrap_or(u64::MAX)
    }

    pub(super) fn service_threads(&self) -> u64 {
        self.0["service"]["threads"].as_u64().unwrap_or(u64::MAX)
    }

    pub(super) fn cores(&self) -> u64 {
        self.0["cores"].as_array().map_or(0, |cores| cores.len() as u64)
    }

    fn sum(&self, count: impl Fn(&Value) -> u64) -> u64 {
        self.0["cores"].as_array().map_or(0, |cores| cores.iter().map(count).sum())
    }
}

impl fmt::Display for Status {
    /// Its connections, why they were closed, and what was refused.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let accepted = self.sum(|core| number(&core["connections_accepted"]));
        let panics =
            self.sum(|core| number(&core["handler_panics"])) + number(&self.0["service"]["handler_panics"]);
        write!(
            out,
            "{accepted} connections accepted, {} open, {panics} panics; closed:",
            self.connections()
        )?;
        let mut reasons = std::collections::BTreeMap::<&str, u64>::new();
        for core in self.0["cores"].as_array().into_iter().flatten() {
            for (reason, count) in core["closes"].as_object().into_iter().flatten() {
                *reasons.entry(reason).or_default() += number(count);
            }
        }
        reasons.iter().try_for_each(|(reason, count)| write!(out, " {reason} {count}"))?;
        write!(out, "; refused: {}, accept pauses: {}", self.0["refused"], self.0["accept_pauses"])
    }
}

/// What users and enemies did.
pub(super) fn print(report: &Report, tally: &Tally, took: Duration) {
    println!("{:.1} s", took.as_secs_f64());
    for group in &report.groups {
        let (total, latency) = (&group.total, &group.total.latency);
        println!(
            "users, {} connections: {} requests, {} failed; p50 {:?}, p99 {:?}, max {:?}",
            group.name,
            total.requests,
            total.requests - total.answered,
            latency.p50,
            latency.p99,
            latency.max
        );
    }
    let done: Vec<String> = tally.done.iter().map(|(name, count)| format!("{name} {count}")).collect();
    println!("enemies: {}", done.join(", "));
}
