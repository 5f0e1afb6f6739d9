//! Claim 6: ten thousand paced connections, a thread each: the memory that they take, all of it, and the latency that was not
//! published.

use anyhow::{Result, ensure};
use corelay_load::process::footprint::Footprint;
use corelay_load::statistics::Estimate;
use corelay_load::{Group, Mix};
use rustix::process::{Resource, getrlimit};

use crate::claims::finding::{Check, Evidence, Outcome, Table};
use crate::claims::load::{self, Run, ms};
use crate::claims::server::Server;
use crate::claims::setup::Setup;

const ROUNDS: usize = 3;
const SECONDS: f64 = 6.0;
const CONNECTIONS: u32 = 10_000;
const PACE_PER_SECOND: f64 = 5.0;
/// A little work of the kind an RPC does.
const PATH: &str = "/random";
/// Descriptors that are no connection's.
const DESCRIPTORS_KEPT: u64 = 100;

const MEMORY_BYTES_MAX: f64 = 0.5e9;
/// Of the requests due: below it, the server did not keep up and the memory is of something else.
const KEPT_UP: f64 = 0.98;

/// Tries the claim.
pub(super) fn evidence(setup: &Setup) -> Result<Evidence> {
    let descriptors = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let needed = u64::from(CONNECTIONS) + DESCRIPTORS_KEPT;
    ensure!(descriptors >= needed, "the hard limit of open files is {descriptors}; this takes {needed}");
    let (mut runs, mut command) = (Vec::new(), String::new());
    for _ in 0..ROUNDS {
        // As it starts by default, on all processors: the claim is about a whole machine.
        let server = Server::serve(setup, &setup.all_cpus(), &["--engine", "threads"])?;
        command.clone_from(&server.command);
        runs.push(measure(setup, &server)?);
    }
    let due = f64::from(CONNECTIONS) * PACE_PER_SECOND;
    let median = |figure: &dyn Fn(&(Run, Footprint)) -> f64| median(&runs, figure);
    let driver_was_late = runs.iter().any(|(run, _)| run.driver_was_the_limit());
    let (rate, memory) = (median(&|(run, _)| run.per_second()), median(&|(_, seen)| seen.sum() as f64));
    Ok(Evidence {
        conditions: format!(
            "{CONNECTIONS} connections, each with {PACE_PER_SECOND} requests a second due for {PATH}; {ROUNDS} rounds of {:.1} s. \
             Server and load share all processors, and latency counts from when a request was due.",
            setup.time(SECONDS).as_secs_f64()
        ),
        commands: vec![command],
        checks: checks(rate, due, memory, driver_was_late),
        tables: vec![memory_table(&median), load_table(&median, setup.all_cpus().len())],
        notes: vec![
            "The latencies hold what the load driver takes of the processors that it shares with the server."
                .into(),
        ],
    })
}

fn checks(rate: f64, due: f64, memory: f64, driver_was_late: bool) -> Vec<Check> {
    let kept_up = match (rate >= due * KEPT_UP, driver_was_late) {
        (true, _) => Outcome::Holds,
        // Whether the server could have done it is not to be seen.
        (false, true) => Outcome::Unknown,
        (false, false) => Outcome::Fails,
    };
    let late = if driver_was_late { "; the load driver was late itself" } else { "" };
    vec![
        Check::new(format!("{due:.0} requests a second are answered"), format!("{rate:.0}/s{late}"), kept_up),
        Check::plain(
            "resident memory, kernel stacks and page tables together are at most 0.5 GB",
            format!("{:.0} MB", memory / 1e6),
            memory <= MEMORY_BYTES_MAX,
        ),
    ]
}

fn measure(setup: &Setup, server: &Server) -> Result<(Run, Footprint)> {
    let rate = f64::from(CONNECTIONS) * PACE_PER_SECOND;
    let groups = vec![Group::open("paced", CONNECTIONS, rate, Mix::only(PATH))];
    let plan = load::plan(server, setup.time(SECONDS), groups);
    let look = || Ok(Footprint::read(server.id())?);
    load::run_and_look(setup, &setup.all_cpus(), server, &plan, look)
}

fn median(runs: &[(Run, Footprint)], figure: &dyn Fn(&(Run, Footprint)) -> f64) -> f64 {
    Estimate::of(&runs.iter().map(figure).collect::<Vec<_>>()).median
}

type Median<'a> = dyn Fn(&dyn Fn(&(Run, Footprint)) -> f64) -> f64 + 'a;

fn memory_table(median: &Median<'_>) -> Table {
    let megabytes =
        |figure: fn(&Footprint) -> u64| format!("{:.1}", median(&|(_, seen)| figure(seen) as f64) / 1e6);
    let row = vec![
        format!("{:.0}", median(&|(_, seen)| seen.threads as f64)),
        megabytes(|seen| seen.resident),
        megabytes(Footprint::kernel_stacks),
        megabytes(|seen| seen.page_tables),
        megabytes(Footprint::sum),
        format!("{:.2}", median(&|(_, seen)| seen.address_space as f64) / 1e9),
    ];
    let heads = ["threads", "resident MB", "kernel stacks MB", "page tables MB", "together MB", "virtual GB"];
    Table::measured("Memory, with all connections open", &heads, vec![row])
}

fn load_table(median: &Median<'_>, cpus: usize) -> Table {
    let cpu_us = median(&|(run, _)| run.cpu_us);
    let rate = median(&|(run, _)| run.per_second());
    let row = vec![
        format!("{rate:.0}"),
        format!("{:.2}", median(&|(run, _)| ms(run.latency().p50))),
        format!("{:.1}", median(&|(run, _)| ms(run.latency().p99))),
        format!("{:.1}", median(&|(run, _)| ms(run.latency().p99_9))),
        format!("{:.0}", median(&|(run, _)| ms(run.latency().max))),
        format!("{cpu_us:.1}"),
        format!("{:.0} %", rate * cpu_us / 1e4 / cpus as f64),
        format!("{:.0}", median(&|(run, _)| run.failures() as f64)),
    ];
    let heads = [
        "answers/s",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "longest ms",
        "CPU µs/request",
        "of the machine",
        "errors",
    ];
    Table::measured("The load", &heads, vec![row])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::finding::Verdict;

    #[test]
    fn memory_and_rate_both_count() {
        let judge = |rate, memory| Verdict::of(&checks(rate, 50_000.0, memory, false));
        assert_eq!(judge(49_990.0, 0.3e9), Verdict::Reproduced);
        assert_eq!(judge(49_990.0, 0.6e9), Verdict::Refuted);
        assert_eq!(judge(30_000.0, 0.3e9), Verdict::Refuted);
        assert_eq!(Verdict::of(&checks(30_000.0, 50_000.0, 0.3e9, true)), Verdict::NotTestable);
    }
}
