//! What the server has counted, and the figures of a soak.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use corelay_bench::response;
use corelay_load::Report;
use serde_json::Value;

use super::enemy::Tally;
use crate::bench::running::Running;

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
        let mut reasons = BTreeMap::<&str, u64>::new();
        for core in self.0["cores"].as_array().into_iter().flatten() {
            for (reason, count) in core["closes"].as_object().into_iter().flatten() {
                *reasons.entry(reason).or_default() += number(count);
            }
        }
        reasons.iter().try_for_each(|(reason, count)| write!(out, " {reason} {count}"))?;
        write!(out, "; refused: {}, accept pauses: {}", self.0["refused"], self.0["accept_pauses"])
    }
}

/// The longest that was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Longest {
    /// That the watch waited for an answer.
    pub(super) answer: Duration,
    /// That a processor was late.
    pub(super) late: Duration,
}

impl Longest {
    fn max(self, other: Self) -> Self {
        Self { answer: self.answer.max(other.answer), late: self.late.max(other.late) }
    }
}

/// What users, enemies and the watch saw, in a part of a soak or in several.
#[derive(Default)]
pub(super) struct Seen {
    users: BTreeMap<String, Users>,
    tally: Tally,
    longest: Longest,
}

/// The users of one kind.
#[derive(Clone, Copy, Default)]
struct Users {
    requests: u64,
    answered: u64,
    longest: Duration,
}

impl Seen {
    pub(super) fn new(report: &Report, tally: Tally, longest: Longest) -> Self {
        let users = report.groups.iter().map(|group| {
            let (total, longest) = (&group.total, group.total.latency.max);
            (group.name.clone(), Users { requests: total.requests, answered: total.answered, longest })
        });
        Self { users: users.collect(), tally, longest }
    }

    pub(super) fn add(&mut self, other: Self) {
        for (name, part) in other.users {
            let users = self.users.entry(name).or_default();
            users.requests += part.requests;
            users.answered += part.answered;
            users.longest = users.longest.max(part.longest);
        }
        self.tally = std::mem::take(&mut self.tally).plus(other.tally);
        self.longest = self.longest.max(other.longest);
    }

    /// Of right requests among the mischief, what was wrong with their answers.
    pub(super) fn wrong(&self) -> String {
        self.tally.wrong.join("; ")
    }

    /// All of it, in several lines.
    pub(super) fn print(&self) {
        for (name, users) in &self.users {
            let failed = users.requests - users.answered;
            println!(
                "users, {name} connections: {} requests, {failed} failed, longest {:.3} s",
                users.requests,
                users.longest.as_secs_f64()
            );
        }
        let done: Vec<String> =
            self.tally.done.iter().map(|(name, count)| format!("{name} {count}")).collect();
        println!("{} pieces of mischief: {}", self.tally.done.values().sum::<u64>(), done.join(", "));
    }
}

impl fmt::Display for Seen {
    /// A line.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests: u64 = self.users.values().map(|users| users.requests).sum();
        let mischief: u64 = self.tally.done.values().sum();
        let Longest { answer, late } = self.longest;
        write!(
            out,
            "{requests} requests of users, {mischief} pieces of mischief; longest wait for /plaintext {:.3} s, for a processor {:.3} s",
            answer.as_secs_f64(),
            late.as_secs_f64()
        )
    }
}
