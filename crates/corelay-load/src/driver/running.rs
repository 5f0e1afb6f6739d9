//! A group under way: what it sends, when, and what it has counted.

use super::connection::{Connection, Request};
use super::watch::Watch;
use crate::plan::{Group, Pace};
use crate::response::Asked;
use crate::schedule::Schedule;
use crate::tally::{Tally, Window};
use crate::{Distribution, GroupReport, PathReport, Plan};
use std::time::Instant;

/// A group under way.
pub(super) struct Running<'p> {
    pub(super) group: &'p Group,
    /// The slot of its first connection.
    pub(super) first: usize,
    /// `None` in a closed loop.
    pub(super) schedule: Option<Schedule>,
    /// For each request of the mix: itself, ready to send, and its counts.
    pub(super) prepared: Vec<Prepared>,
    pub(super) tallies: Vec<Tally>,
    pub(super) lateness: Distribution,
    /// Within the measured time.
    pub(super) received_bytes: u64,
    /// Of a group that is placed.
    pub(super) watch: Option<Watch>,
}

/// A request, ready to send.
pub(super) struct Prepared {
    bytes: Vec<u8>,
    /// The same as the last request of a connection.
    closing: Vec<u8>,
    pub(super) asked: Asked,
}

impl Prepared {
    pub(super) fn bytes(&self, request: &Request) -> &[u8] {
        if request.closes { &self.closing } else { &self.bytes }
    }
}

impl<'p> Running<'p> {
    pub(super) fn new(plan: &'p Plan, index: usize, first: usize, start: Instant, end: Instant) -> Self {
        let group = &plan.groups[index];
        let schedule = match group.pace {
            Pace::Closed => None,
            Pace::Open { requests_per_second } => {
                Some(Schedule::even(requests_per_second, group.connections, start, end))
            }
            Pace::Poisson { requests_per_second } => {
                // No connection has this number.
                let seed = seed_of_connection(plan.seed, index, u32::MAX);
                Some(Schedule::poisson(requests_per_second, group.connections, start, end, seed))
            }
        };
        let prepared: Vec<_> = group
            .mix
            .requests()
            .map(|request| Prepared {
                bytes: group.encode(request, &plan.host, false),
                closing: group.encode(request, &plan.host, true),
                asked: request.asked(),
            })
            .collect();
        let tallies = vec![Tally::default(); prepared.len()];
        let lateness = Distribution::default();
        Self { group, first, schedule, prepared, tallies, lateness, received_bytes: 0, watch: None }
    }

    /// How many requests a socket of this group is for.
    pub(super) fn requests_per_connection(&self) -> u32 {
        self.group.requests_per_connection.unwrap_or(u32::MAX)
    }

    /// Begins the requests of a connection that are due and have room: how many. They are not sent yet.
    pub(super) fn begin(&mut self, connection: &mut Connection, now: Instant, window: &Window) -> usize {
        let mut begun = 0;
        while connection.is_free(self.group.pipeline, now) {
            let due = match &self.schedule {
                None => Some(now).filter(|&now| now < window.end),
                Some(schedule) => schedule.due(connection.number, connection.turn).filter(|&due| due <= now),
            };
            let Some(due) = due else { break };
            let drawn = self.group.mix.draw(&mut connection.random);
            if self.schedule.is_some() && now >= window.begin {
                self.lateness.record(now.saturating_duration_since(due.max(connection.free_since)));
            }
            if self.group.requests_per_connection.is_some() {
                connection.requests_left -= 1;
            }
            let closes = connection.requests_left == 0;
            connection.flight.push_back(Request { drawn, due, begun: now, closes });
            connection.last_drawn = drawn;
            connection.turn += 1;
            begun += 1;
        }
        begun
    }

    pub(super) fn report(&self, connections: &[Connection], window: &Window, adopted: u32) -> GroupReport {
        let mut total = Tally::default();
        self.tallies.iter().for_each(|tally| total.add(tally));
        let rates = connections.iter().map(|connection| connection.answers.per_second(window));
        let requests = self.group.mix.requests().zip(&self.tallies);
        GroupReport {
            name: self.group.name.clone(),
            total: total.total(window),
            statuses: total.statuses(),
            codes: total.codes(),
            received_bytes: self.received_bytes,
            distribution: total.latency().clone(),
            paths: requests
                .map(|(request, tally)| PathReport {
                    path: request.label(),
                    total: tally.total(window),
                    distribution: tally.latency().clone(),
                })
                .collect(),
            slowest_connection_per_second: rates.fold(f64::INFINITY, f64::min),
            placement: self.watch.as_ref().map(|watch| {
                let lost = connections.iter().filter(|connection| connection.generation != adopted);
                watch.report(lost.count() as u32)
            }),
        }
    }
}

/// A seed for each connection: a sequence that depends on no other connection's timing.
pub(super) fn seed_of_connection(seed: u64, group: usize, number: u32) -> u64 {
    // Odd, so that no two connections of a group meet; the generator mixes the bits itself.
    let place = ((group as u64) << 32 | u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    seed ^ place
}
