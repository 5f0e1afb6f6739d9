//! Claim 10: what handlers that block do to the connections beside them.
//!
//! Eight connections ask for a handler that sleeps 100 ms, one request after another; 32 others have requests due at fixed
//! moments, so that a stalled server cannot slow down the count. The event loop is the small server, run to completion (`staged`): corelay
//! without its relay still learns which routes wait, and hands those to service threads after the first few. The pool has as many
//! workers as there are cores, and stands for event loops that share work.

use anyhow::Result;
use corelay_load::statistics::Estimate;
use corelay_load::{Group, Mix};

use crate::claims::finding::{Check, Evidence, Table, shown};
use crate::claims::load::{self, Run, estimate, median, ms};
use crate::claims::part;
use crate::claims::sampling::interleaved;
use crate::claims::server::Server;
use crate::claims::setup::Setup;
use crate::claims::staged::Form;

const ROUNDS: usize = 3;
const SECONDS: f64 = 2.0;
const SLEEPERS: u32 = 8;
const SLEEP_MS: f64 = 100.0;
const SLEEP_PATH: &str = "/sleep/100";
const PLAIN: u32 = 32;
const PLAIN_PER_SECOND: f64 = 2_000.0;

/// A tenth of the sleep: others hardly notice it.
const KEPT_MS: f64 = SLEEP_MS / 10.0;
/// Half of it: others wait for it.
const STALLED_MS: f64 = SLEEP_MS / 2.0;

/// A server, with or without connections that block its handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Subject {
    name: &'static str,
    flags: &'static [&'static str],
    sleepers: u32,
}

const RELAY_ON: Subject = Subject { name: "cores, relay", flags: &["--relay", "on"], sleepers: SLEEPERS };
const RELAY_OFF: Subject =
    Subject { name: "cores, no relay", flags: &["--relay", "off"], sleepers: SLEEPERS };
const POOL: Subject = Subject { name: "pool", flags: &["--engine", "pool"], sleepers: SLEEPERS };
/// Without flags: the small server, which has none.
const EVENT_LOOP: Subject = Subject { name: "small event loop", flags: &[], sleepers: SLEEPERS };
const ALONE: Subject = Subject { sleepers: 0, ..RELAY_ON };
const SUBJECTS: [Subject; 5] = [RELAY_ON, EVENT_LOOP, POOL, ALONE, RELAY_OFF];

/// Tries the claim.
pub(super) fn evidence(setup: &Setup) -> Result<Evidence> {
    let mut commands = Vec::new();
    let found = interleaved(&SUBJECTS, ROUNDS, |subject| {
        let server = match subject.flags {
            [] => {
                Server::start(setup, &setup.server_cpus, &part::words(part::STAGED, &[Form::Whole.name()]))?
            }
            flags => Server::serve(setup, &setup.server_cpus, flags)?,
        };
        let server = server.noted(&mut commands);
        measure(setup, &server, subject)
    })?;
    let p99: Vec<Estimate> = found.iter().map(|runs| p99(runs)).collect();
    let heads = ["server", "connections that block", "others: answers/s", "p50 ms", "p99 ms", "longest ms"];
    let rows = SUBJECTS.iter().zip(&found).map(|(subject, runs)| row(subject, runs)).collect();
    let mut evidence = Evidence {
        conditions: format!(
            "{SLEEPERS} connections call a handler that sleeps {SLEEP_MS:.0} ms, again and again; beside them {PLAIN} have \
             {PLAIN_PER_SECOND:.0} requests a second due for /plaintext, whose latency counts from when they were due. \
             {} core(s) serve.",
            setup.server_cpus.len()
        ),
        commands,
        checks: checks(p99[0], p99[3], p99[1], p99[2]),
        tables: vec![Table::measured("The connections whose handlers do not block", &heads, rows)],
        notes: vec![
            "corelay with its relay off is shown and not judged: it still learns which routes wait, stalls for the first few requests \
             alone, and so is no event loop for long."
                .into(),
        ],
    };
    load::mind(&mut evidence, &found.iter().map(Vec::as_slice).collect::<Vec<_>>());
    Ok(evidence)
}

fn checks(relay: Estimate, undisturbed: Estimate, event_loop: Estimate, pool: Estimate) -> Vec<Check> {
    let stalls = |name, p99: Estimate| {
        let found = format!("p99 {:.1} ms", p99.median);
        Check::plain(
            format!("{name}: the others' p99 is above {STALLED_MS:.0} ms"),
            found,
            p99.median > STALLED_MS,
        )
    };
    vec![
        Check::plain(
            format!(
                "with the relay: the others' p99 is below {KEPT_MS:.0} ms, a tenth of the sleep, or twice what it is when nobody blocks"
            ),
            format!("p99 {} ms, and {} ms when nobody blocks", shown(relay), shown(undisturbed)),
            relay.median < KEPT_MS.max(undisturbed.median * 2.0),
        ),
        stalls("an event loop on each core", event_loop),
        stalls("as many workers as cores", pool),
    ]
}

fn measure(setup: &Setup, server: &Server, subject: &Subject) -> Result<Run> {
    let mut groups = vec![Group::open("plain", PLAIN, PLAIN_PER_SECOND, Mix::only("/plaintext"))];
    if subject.sleepers > 0 {
        groups.push(Group::closed("sleepers", subject.sleepers, Mix::only(SLEEP_PATH)));
    }
    let plan = load::plan(server, setup.time(SECONDS), groups);
    load::run(setup, &setup.load_cpus, server, &plan)
}

fn p99(runs: &[Run]) -> Estimate {
    estimate(runs, |run| ms(run.latency().p99))
}

fn row(subject: &Subject, runs: &[Run]) -> Vec<String> {
    let plain = |run: &Run| run.report.group("plain").map_or(0.0, |group| group.total.per_second);
    let p99 = p99(runs);
    vec![
        subject.name.to_owned(),
        subject.sleepers.to_string(),
        format!("{:.0}", median(runs, plain)),
        format!("{:.2}", median(runs, |run| ms(run.latency().p50))),
        shown(p99),
        format!("{:.1}", median(runs, |run| ms(run.latency().max))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::finding::Verdict;

    #[test]
    fn the_relay_must_keep_it_and_the_others_must_stall() {
        let of = |p99| Estimate::of(&[p99]);
        let judge =
            |relay, event_loop, pool| Verdict::of(&checks(of(relay), of(1.0), of(event_loop), of(pool)));
        assert_eq!(judge(2.0, 800.0, 700.0), Verdict::Reproduced);
        assert_eq!(judge(30.0, 800.0, 700.0), Verdict::Refuted);
        assert_eq!(judge(2.0, 800.0, 9.0), Verdict::Refuted, "an engine that does not stall either");
    }
}
