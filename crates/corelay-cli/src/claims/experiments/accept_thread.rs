//! Claim 3: where a thread that accepts for all begins to cost, or ceases to.
//!
//! The same server accepts on each core (SO_REUSEPORT) and by one thread that deals connections out, under connections that last
//! for a request, for a few, for ever. What is compared is CPU time for a request: it counts the thread that accepts wherever it
//! runs, and does not depend on who has the load's processors.

use anyhow::Result;
use corelay_load::statistics::Estimate;

use crate::claims::finding::{Check, Evidence, Outcome, Table, shown};
use crate::claims::load::{self, Run, median, ratio};
use crate::claims::sampling::interleaved;
use crate::claims::server::Server;
use crate::claims::setup::Setup;

const ROUNDS: usize = 5;
const SECONDS: f64 = 0.6;
const CONNECTIONS: u32 = 32;
/// Requests until a connection closes; `None`: it stays.
const LIVES: [Option<u32>; 6] = [Some(1), Some(2), Some(5), Some(10), Some(50), None];
const MODES: [&str; 2] = ["per-core", "dispatch"];
/// Less than this is no cost that anybody would look for.
const NEGLIGIBLE: f64 = 1.02;

/// A mode under connections that live so long.
#[derive(Debug, Clone, Copy)]
struct Subject {
    mode: &'static str,
    life: Option<u32>,
}

/// What was found of one length of life.
struct Point {
    life: Option<u32>,
    /// CPU time for a request by dispatch over per core.
    ratio: Estimate,
}

/// Tries the claim.
pub(super) fn evidence(setup: &Setup) -> Result<Evidence> {
    let subjects: Vec<Subject> =
        LIVES.iter().flat_map(|&life| MODES.map(|mode| Subject { mode, life })).collect();
    let mut commands = Vec::new();
    let found = interleaved(&subjects, ROUNDS, |subject| {
        let server = Server::serve(setup, &setup.server_cpus, &["--accept", subject.mode])?;
        let server = server.noted(&mut commands);
        let groups = vec![load::closed(CONNECTIONS, subject.life)];
        let plan = load::churning_plan(&server, setup.time(SECONDS), groups)?;
        load::run(setup, &setup.load_cpus, &server, &plan)
    })?;
    let pairs: Vec<_> = found.chunks_exact(2).collect();
    let point = |(&life, pair): (&Option<u32>, &&[Vec<Run>])| Point {
        life,
        ratio: ratio(&pair[1], &pair[0], |run| run.cpu_us),
    };
    let points: Vec<Point> = LIVES.iter().zip(&pairs).map(point).collect();
    let rows = points.iter().zip(&pairs).map(|(point, pair)| row(point, &pair[0], &pair[1])).collect();
    let heads = [
        "requests a connection",
        "per core: CPU µs/request",
        "dispatch: CPU µs/request",
        "dispatch / per core",
        "new connections/s, dispatch",
    ];
    let mut evidence = Evidence {
        conditions: format!(
            "{CONNECTIONS} connections in a closed loop for /plaintext, closed after so many requests; {ROUNDS} rounds; {} core(s) \
             serve, and the thread that accepts shares their processors.",
            setup.server_cpus.len()
        ),
        commands,
        checks: checks(&points),
        tables: vec![Table::measured("CPU time by how long connections live", &heads, rows)],
        notes: vec![crossover(&points), alone(&pairs)],
    };
    load::mind(&mut evidence, &found.iter().map(Vec::as_slice).collect::<Vec<_>>());
    Ok(evidence)
}

/// The claim: it costs where there are few new connections, and not where there are many.
fn checks(points: &[Point]) -> Vec<Check> {
    let (Some(many), Some(few)) = (points.first(), points.last()) else { return Vec::new() };
    let costs = match few.ratio {
        ratio if ratio.low > NEGLIGIBLE => Outcome::Holds,
        ratio if ratio.high < NEGLIGIBLE => Outcome::Fails,
        _ => Outcome::Unknown,
    };
    vec![
        Check::new(
            "connections that stay: dispatch takes more CPU time for a request (by 2 % at least)",
            shown(few.ratio),
            costs,
        ),
        Check::below("a new connection for each request: dispatch takes no more", many.ratio, NEGLIGIBLE),
    ]
}

/// Where the ratio passes 1, in words.
fn crossover(points: &[Point]) -> String {
    let named = |point: &Point| {
        point.life.map_or_else(|| "connections that stay".into(), |life| format!("{life} a connection"))
    };
    let dearer: Vec<String> = points.iter().filter(|point| point.ratio.low > 1.0).map(named).collect();
    let cheaper: Vec<String> = points.iter().filter(|point| point.ratio.high < 1.0).map(named).collect();
    let list = |points: &[String]| if points.is_empty() { "nowhere".to_owned() } else { points.join(", ") };
    format!(
        "Requests for which dispatch takes more CPU time, its interval above 1: {}; less: {}. In between the figures do not say.",
        list(&dearer),
        list(&cheaper)
    )
}

/// What a core for the accepting thread alone would do.
fn alone(pairs: &[&[Vec<Run>]]) -> String {
    let Some(pair) = pairs.first() else { return String::new() };
    let extra = median(&pair[1], |run| run.cpu_us) - median(&pair[0], |run| run.cpu_us);
    if extra <= 0.0 {
        return "A core that only accepts cannot be told from these figures: the accepting thread adds nothing to a connection.".into();
    }
    format!(
        "Computed, not measured: dispatch adds {extra:.1} µs to a connection; a core that does nothing else is full at {:.0} new \
         connections a second, and below that the rest of it is idle.",
        1e6 / extra
    )
}

fn row(point: &Point, per_core: &[Run], dispatch: &[Run]) -> Vec<String> {
    let churn = point.life.map_or_else(
        || "0".to_owned(),
        |life| format!("{:.0}", median(dispatch, Run::per_second) / f64::from(life)),
    );
    vec![
        point.life.map_or_else(|| "unlimited".into(), |life| life.to_string()),
        format!("{:.2}", median(per_core, |run| run.cpu_us)),
        format!("{:.2}", median(dispatch, |run| run.cpu_us)),
        shown(point.ratio),
        churn,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::finding::Verdict;

    fn points(many: f64, few: f64) -> [Point; 2] {
        let of = |life, ratio| Point {
            life,
            ratio: Estimate { median: ratio, low: ratio - 0.01, high: ratio + 0.01 },
        };
        [of(Some(1), many), of(None, few)]
    }

    #[test]
    fn the_claim_holds_if_it_costs_only_where_little_is_accepted() {
        assert_eq!(Verdict::of(&checks(&points(0.95, 1.10))), Verdict::Reproduced);
        assert_eq!(Verdict::of(&checks(&points(1.15, 1.00))), Verdict::Refuted, "the other way round");
        assert_eq!(Verdict::of(&checks(&points(0.95, 1.02))), Verdict::NotTestable);
    }

    #[test]
    fn the_crossover_names_the_sides() {
        let text = crossover(&points(1.15, 0.9));
        assert!(text.contains("above 1: 1 a connection; less: connections that stay"), "{text}");
    }
}
