//! Claim 2: a request that one thread runs to completion, against one that stages hand over.
//!
//! The same small server in both forms (`staged`), and corelay beside them, which does more for a request (it parses, keeps
//! deadlines and limits) and still runs it to completion. What is compared are the two forms: nothing differs but the hand-over.

use anyhow::Result;
use corelay_load::statistics::Estimate;

use crate::claims::finding::{Check, Evidence, Table, shown};
use crate::claims::load::{self, Run, estimate, ms, ratio};
use crate::claims::part;
use crate::claims::sampling::interleaved;
use crate::claims::server::Server;
use crate::claims::setup::Setup;
use crate::claims::staged::Form;

const ROUNDS: usize = 5;
const SECONDS: f64 = 1.2;
const CONNECTIONS: u32 = 64;
const SERVERS: [&str; 3] = ["small, whole", "small, staged", "corelay, cores"];
const WHOLE: usize = 0;
const STAGED: usize = 1;

/// A server under connections that live so long.
#[derive(Debug, Clone, Copy)]
struct Subject {
    server: usize,
    requests_per_connection: Option<u32>,
}

/// Tries the claim.
pub(super) fn evidence(setup: &Setup) -> Result<Evidence> {
    let (mut commands, mut checks, mut tables, mut runs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (name, requests_per_connection) in [("keep-alive", None), ("one request a connection", Some(1))] {
        let subjects: Vec<_> =
            (0..SERVERS.len()).map(|server| Subject { server, requests_per_connection }).collect();
        let found = interleaved(&subjects, ROUNDS, |subject| measure(setup, *subject, &mut commands))?;
        let (whole, staged) = (&found[WHOLE], &found[STAGED]);
        checks.extend(self::checks(
            name,
            ratio(whole, staged, Run::per_second),
            ratio(whole, staged, |run| run.latency().p99.as_secs_f64()),
        ));
        tables.push(table(name, &found));
        runs.extend(found.into_iter().flatten());
    }
    let cores = setup.server_cpus.len();
    let notes = vec![format!(
        "The stages have {cores} processor(s): {}.",
        if cores == 1 {
            "they take turns on it, and what is measured is the hand-over without the cost of another core's caches"
        } else {
            "each stage of a line is on the one after the last stage's"
        }
    )];
    let mut evidence = Evidence {
        conditions: format!(
            "{CONNECTIONS} connections in a closed loop; {ROUNDS} rounds. Staged: a thread reads, one handles, one writes, with queues \
             between them and the connection moved along; whole: one thread does all three."
        ),
        commands,
        checks,
        tables,
        notes,
    };
    load::mind(&mut evidence, &[&runs]);
    Ok(evidence)
}

fn measure(setup: &Setup, subject: Subject, commands: &mut Vec<String>) -> Result<Run> {
    let form = [Some(Form::Whole), Some(Form::Staged), None][subject.server];
    let server = match form {
        Some(form) => Server::start(setup, &setup.server_cpus, &part::words(part::STAGED, &[form.name()]))?,
        None => Server::serve(setup, &setup.server_cpus, &[])?,
    };
    let server = server.noted(commands);
    let groups = vec![load::closed(CONNECTIONS, subject.requests_per_connection)];
    let plan = load::churning_plan(&server, setup.time(SECONDS), groups)?;
    load::run(setup, &setup.load_cpus, &server, &plan)
}

fn checks(name: &str, throughput: Estimate, p99: Estimate) -> [Check; 2] {
    [
        Check::above(format!("{name}: whole answers more than staged, as a ratio"), throughput, 1.0),
        Check::below(format!("{name}: its p99 is below that of staged, as a ratio"), p99, 1.0),
    ]
}

fn table(name: &str, found: &[Vec<Run>]) -> Table {
    let rows = SERVERS.iter().zip(found).map(|(server, runs)| {
        vec![
            (*server).to_owned(),
            shown(estimate(runs, Run::per_second)),
            shown(estimate(runs, |run| run.cpu_us)),
            shown(estimate(runs, |run| ms(run.latency().p50))),
            shown(estimate(runs, |run| ms(run.latency().p99))),
        ]
    });
    Table::measured(name, &["server", "answers/s", "CPU µs/request", "p50 ms", "p99 ms"], rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::finding::Verdict;

    #[test]
    fn both_throughput_and_latency_must_be_better() {
        let of = |ratio: f64| Estimate { median: ratio, low: ratio - 0.02, high: ratio + 0.02 };
        assert_eq!(Verdict::of(&checks("", of(1.5), of(0.6))), Verdict::Reproduced);
        assert_eq!(Verdict::of(&checks("", of(0.9), of(0.6))), Verdict::Refuted);
        assert_eq!(Verdict::of(&checks("", of(1.5), of(1.0))), Verdict::NotTestable);
    }
}
