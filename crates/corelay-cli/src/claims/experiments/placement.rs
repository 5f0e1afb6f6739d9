//! Claim 5: what placing connections by a hash does to requests of mixed cost, and whether the less loaded of two cores mends it.
//!
//! Twice: corelay itself, on as many cores as there are, with a connection for each request so that each is placed; and a
//! simulation of eight cores, where one queue for all of them (an accept thread that deals nothing out before a core is free) is
//! the best there is.

use std::ops::{Range, RangeInclusive};

use anyhow::Result;
use corelay_load::statistics::Estimate;
use corelay_load::{Group, Mix, Pace};

use crate::claims::finding::{Check, Evidence, Outcome, Table, shown};
use crate::claims::load::{self, Run, estimate, median, ms, ratio};
use crate::claims::sampling::interleaved;
use crate::claims::server::Server;
use crate::claims::setup::Setup;
use crate::claims::simulation::{Arrivals, Costs, Latencies, Placement, Workload};

const ROUNDS: usize = 4;
const SECONDS: f64 = 3.0;
const MODES: [&str; 3] = ["per-core", "round-robin", "dispatch"];
const CONNECTIONS: u32 = 256;

/// One request in a hundred costs a hundred times as much.
const COSTS: Costs = Costs { short_ns: 200_000, long_ns: 20_000_000, long_share: 0.01 };
const MIX: [(&str, u32); 2] = [("/spin/200", 99), ("/spin/20000", 1)];
const UTILISATION: f64 = 0.5;
/// Of cores that the load driver has too.
const SHARED_UTILISATION: f64 = 0.3;

const SIMULATED_CORES: usize = 8;
const SIMULATED_REQUESTS: usize = 50_000;
const SEEDS: Range<u64> = 0..15;
/// As many clients for each core.
const CLIENTS: usize = 8;

/// Means that differ by less are the same.
const SAME: RangeInclusive<f64> = 0.9..=1.1;
/// Of what the hash costs the longest latency, so much must be got back.
const RECOVERED: f64 = 0.5;

/// What each placement gave in a simulated regime, a seed each.
type Simulated = [Vec<Latencies>; 4];

/// Tries the claim.
pub(super) fn evidence(setup: &Setup) -> Result<Evidence> {
    let open = simulate(Arrivals::Open { utilisation: UTILISATION });
    let closed = simulate(Arrivals::Closed { clients: SIMULATED_CORES * CLIENTS });
    let cpus = if setup.server_cpus.len() > 1 { setup.server_cpus.clone() } else { setup.all_cpus() };
    let mut checks =
        [simulated_checks("open loop", &open), simulated_checks("closed loop", &closed)].concat();
    let mut tables = vec![
        simulated_table(
            format!("{SIMULATED_CORES} cores, open loop, busy {:.0} % of the time", UTILISATION * 100.0),
            &open,
        ),
        simulated_table(
            format!("{SIMULATED_CORES} cores, closed loop, {} clients", SIMULATED_CORES * CLIENTS),
            &closed,
        ),
    ];
    let (mut commands, mut notes, mut runs) = (Vec::new(), Vec::new(), Vec::new());
    if cpus.len() > 1 {
        let found = measure(setup, &cpus, &mut commands)?;
        checks.extend(measured_checks(&found));
        tables.insert(0, measured_table(&found, cpus.len()));
        runs = found.into_iter().flatten().collect::<Vec<_>>();
    } else {
        notes.push("One processor has one core to place on: only the simulation can speak.".into());
    }
    let mut evidence = Evidence {
        conditions: format!(
            "99 requests in 100 take {} µs of CPU time and one takes {} ms; each has a connection of its own and moments drawn by a \
             Poisson process, for {:.0} % of the cores' time ({:.0} % where load and server share them). Relay and rebalancing are off, so that placing is all that differs. \
             The simulation has {} seeds, the same requests for each placement.",
            COSTS.short_ns / 1_000,
            COSTS.long_ns / 1_000_000,
            UTILISATION * 100.0,
            SHARED_UTILISATION * 100.0,
            SEEDS.count()
        ),
        commands,
        checks,
        tables,
        notes,
    };
    load::mind(&mut evidence, &[&runs]);
    Ok(evidence)
}

fn simulate(arrivals: Arrivals) -> Simulated {
    let workload = Workload { cores: SIMULATED_CORES, requests: SIMULATED_REQUESTS, arrivals, costs: COSTS };
    Placement::ALL.map(|placement| SEEDS.map(|seed| workload.run(placement, seed)).collect())
}

fn simulated_checks(regime: &str, [hash, _, two, shared]: &Simulated) -> Vec<Check> {
    let ratio = |figure: fn(&Latencies) -> f64| {
        let figures = |runs: &[Latencies]| runs.iter().map(figure).collect::<Vec<_>>();
        Estimate::of_ratio(&figures(hash), &figures(shared))
    };
    let mean = ratio(|run| run.mean);
    let recovered: Vec<f64> =
        (0..hash.len()).map(|seed| recovered(hash[seed].max, two[seed].max, shared[seed].max)).collect();
    vec![
        Check::new(
            format!("simulated, {regime}: by hash, the mean is that of one queue (within 10 %)"),
            shown(mean),
            within(mean, SAME),
        ),
        Check::above(
            format!("simulated, {regime}: by hash, the longest latency is above that of one queue"),
            ratio(|run| run.max),
            1.0,
        ),
        Check::above(
            format!("simulated, {regime}: the less loaded of two gets back half of that or more"),
            Estimate::of(&recovered),
            RECOVERED,
        ),
    ]
}

/// Of what `worst` has more than `best`, the share that `between` has not.
fn recovered(worst: f64, between: f64, best: f64) -> f64 {
    (worst - between) / (worst - best).max(f64::EPSILON)
}

fn simulated_table(title: String, runs: &Simulated) -> Table {
    let rows = Placement::ALL.iter().zip(runs).map(|(placement, runs)| {
        let estimate =
            |figure: fn(&Latencies) -> f64| shown(Estimate::of(&runs.iter().map(figure).collect::<Vec<_>>()));
        vec![
            placement.name().to_owned(),
            estimate(|run| run.mean),
            estimate(|run| run.p99),
            estimate(|run| run.max),
        ]
    });
    Table::simulated(title, &["a request goes to", "mean ms", "p99 ms", "longest ms"], rows.collect())
}

/// The three ways corelay accepts, in the order of [`MODES`].
fn measure(setup: &Setup, cpus: &[usize], commands: &mut Vec<String>) -> Result<Vec<Vec<Run>>> {
    let cores = cpus.len() as f64;
    let utilisation = if cpus == setup.server_cpus { UTILISATION } else { SHARED_UTILISATION };
    let mean_s = COSTS.short_ns as f64 / 1e9 * (1.0 - COSTS.long_share)
        + COSTS.long_ns as f64 / 1e9 * COSTS.long_share;
    let pace = Pace::Poisson { requests_per_second: cores * utilisation / mean_s };
    interleaved(&MODES, ROUNDS, |mode| {
        let flags = ["--accept", mode, "--relay", "off", "--rebalance", "off"];
        let server = Server::serve(setup, cpus, &flags)?.noted(commands);
        let mut group = Group::new("mixed", CONNECTIONS, pace, Mix::weighted(MIX));
        group.requests_per_connection = Some(1);
        let plan = load::churning_plan(&server, setup.time(SECONDS), vec![group])?;
        load::run(setup, &setup.load_cpus, &server, &plan)
    })
}

fn measured_checks(found: &[Vec<Run>]) -> Vec<Check> {
    let [hash, in_turn, two] = found else { return Vec::new() };
    let longest = |run: &Run| ms(run.latency().max);
    let (over_in_turn, over_two) = (ratio(hash, in_turn, longest), ratio(hash, two, longest));
    let mean = ratio(hash, two, |run| ms(run.latency().mean));
    vec![
        Check::new(
            "measured: by hash, the mean is that of the less loaded of two (within 10 %)",
            shown(mean),
            within(mean, SAME),
        ),
        Check::new(
            "measured: by hash, the longest latency is above that of cores in turn and of the less loaded of two",
            format!("{} and {} times as long", shown(over_in_turn), shown(over_two)),
            both_above_one(over_in_turn, over_two),
        ),
    ]
}

/// The whole interval in the range holds, the whole of it outside fails.
fn within(found: Estimate, range: RangeInclusive<f64>) -> Outcome {
    if range.contains(&found.low) && range.contains(&found.high) {
        Outcome::Holds
    } else if found.high < *range.start() || found.low > *range.end() {
        Outcome::Fails
    } else {
        Outcome::Unknown
    }
}

/// Both intervals above 1 holds, both below fails.
fn both_above_one(one: Estimate, other: Estimate) -> Outcome {
    if one.low > 1.0 && other.low > 1.0 {
        Outcome::Holds
    } else if one.high < 1.0 && other.high < 1.0 {
        Outcome::Fails
    } else {
        Outcome::Unknown
    }
}

fn measured_table(found: &[Vec<Run>], cores: usize) -> Table {
    let rows = MODES.iter().zip(found).map(|(mode, runs)| {
        vec![
            format!("--accept {mode}"),
            format!("{:.0}", median(runs, Run::per_second)),
            shown(estimate(runs, |run| ms(run.latency().mean))),
            shown(estimate(runs, |run| ms(run.latency().p99))),
            shown(estimate(runs, |run| ms(run.latency().max))),
        ]
    });
    let heads = ["corelay", "answers/s", "mean ms", "p99 ms", "longest ms"];
    Table::measured(format!("{cores} cores, open loop"), &heads, rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_got_back_is_a_share_of_what_was_lost() {
        assert_eq!(recovered(100.0, 60.0, 50.0), 0.8);
        assert_eq!(recovered(100.0, 100.0, 50.0), 0.0);
    }

    #[test]
    fn both_must_agree() {
        let of = |low, high| Estimate { median: f64::midpoint(low, high), low, high };
        assert_eq!(both_above_one(of(1.1, 1.2), of(1.3, 1.4)), Outcome::Holds);
        assert_eq!(both_above_one(of(0.9, 1.2), of(1.3, 1.4)), Outcome::Unknown);
        assert_eq!(both_above_one(of(0.8, 0.9), of(0.7, 0.9)), Outcome::Fails);
        assert_eq!(within(of(0.95, 1.05), SAME), Outcome::Holds);
        assert_eq!(within(of(0.95, 1.15), SAME), Outcome::Unknown);
        assert_eq!(within(of(1.15, 1.25), SAME), Outcome::Fails);
    }
}
