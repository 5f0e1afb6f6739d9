//! Claim 1: what a thread that accepts and pinned workers answer in a second, in all and for each core.
//!
//! Ninety connections, as the source had. Where the load driver is full before the server is, the server's CPU time for a request
//! says what a core could do.

use anyhow::Result;

use crate::claims::finding::{Check, Evidence, Outcome, Table};
use crate::claims::load::{self, Run, median, ms};
use crate::claims::sampling::interleaved;
use crate::claims::server::Server;
use crate::claims::setup::Setup;

const ROUNDS: usize = 5;
const SECONDS: f64 = 2.0;
const CONNECTIONS: u32 = 90;
const CLAIMED_PER_SECOND: f64 = 100_000.0;
/// Of the source's machine: fewer cannot refute.
const CLAIMED_CORES: usize = 8;
/// Requests that a connection has out at once.
const PIPELINES: [u32; 2] = [1, 16];

/// Tries the claim.
pub(super) fn evidence(setup: &Setup) -> Result<Evidence> {
    let mut commands = Vec::new();
    let found = interleaved(&PIPELINES, ROUNDS, |&pipeline| {
        let server = Server::serve(setup, &setup.server_cpus, &["--accept", "round-robin"])?;
        let server = server.noted(&mut commands);
        let mut group = load::closed(CONNECTIONS, None);
        group.pipeline = pipeline;
        load::run(setup, &setup.load_cpus, &server, &load::plan(&server, setup.time(SECONDS), vec![group]))
    })?;
    let cores = setup.server_cpus.len();
    let keep_alive = &found[0];
    let per_second = median(keep_alive, Run::per_second);
    let driver_was_full = keep_alive.iter().any(Run::driver_was_the_limit);
    let check = check(per_second, median(keep_alive, |run| run.cpu_us), cores, driver_was_full);
    let rows = PIPELINES.iter().zip(&found).map(|(pipeline, runs)| row(*pipeline, runs, cores)).collect();
    let heads = [
        "requests out",
        "answers/s",
        "for each core",
        "CPU µs/request",
        "a core could",
        "p50 ms",
        "p99 ms",
        "driver's CPU",
    ];
    let mut evidence = Evidence {
        conditions: format!(
            "{CONNECTIONS} connections in a closed loop for /plaintext, {ROUNDS} rounds; {cores} core(s) serve, and the thread that \
             accepts is on them too. “A core could” is one second over the CPU time for a request: computed, not measured."
        ),
        commands,
        checks: vec![check],
        tables: vec![Table::measured("Answers a second, keep-alive and pipelined", &heads, rows)],
        ..Evidence::default()
    };
    load::mind(&mut evidence, &[&found[0], &found[1]]);
    Ok(evidence)
}

fn check(per_second: f64, cpu_us: f64, cores: usize, driver_was_full: bool) -> Check {
    let per_core = 1e6 / cpu_us;
    let needed = (CLAIMED_PER_SECOND / per_core).ceil();
    let found = format!(
        "{per_second:.0}/s on {cores} core(s); at {cpu_us:.2} µs a request one core could answer {per_core:.0}/s, and {needed:.0} \
         such core(s) what is claimed"
    );
    let outcome = match per_second >= CLAIMED_PER_SECOND {
        true => Outcome::Holds,
        // The load driver was the limit, or there are fewer cores than the claim had.
        false if driver_was_full || cores < CLAIMED_CORES => Outcome::Unknown,
        false => Outcome::Fails,
    };
    Check::new("at least 100,000 answers a second, one request out on each connection", found, outcome)
}

fn row(pipeline: u32, runs: &[Run], cores: usize) -> Vec<String> {
    let (per_second, cpu_us) = (median(runs, Run::per_second), median(runs, |run| run.cpu_us));
    vec![
        pipeline.to_string(),
        format!("{per_second:.0}"),
        format!("{:.0}", per_second / cores as f64),
        format!("{cpu_us:.2}"),
        format!("{:.0}/s", 1e6 / cpu_us),
        format!("{:.2}", median(runs, |run| ms(run.latency().p50))),
        format!("{:.2}", median(runs, |run| ms(run.latency().p99))),
        format!("{:.0} %", median(runs, |run| run.report.driver.cpu_share) * 100.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_cores_than_the_claim_had_cannot_refute_it() {
        let outcome = |per_second, cores, full| check(per_second, 10.0, cores, full).outcome;
        assert_eq!(outcome(134_619.0, 8, false), Outcome::Holds);
        assert_eq!(outcome(80_000.0, 8, false), Outcome::Fails);
        assert_eq!(outcome(80_000.0, 8, true), Outcome::Unknown);
        assert_eq!(outcome(80_000.0, 1, false), Outcome::Unknown);
        assert!(check(80_000.0, 12.0, 1, false).found.contains("2 such core(s)"));
    }
}
