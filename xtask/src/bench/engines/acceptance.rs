//! What the engines must keep to.

use super::case::{Case, Engine, Pace};
use super::sample::Sample;
use crate::bench::bounds::Bound;

/// A figure of a run.
pub(super) type Figure = fn(&Sample) -> f64;

/// A bound of one figure.
pub(super) struct Line {
    pub(super) case: Case,
    pub(super) what: &'static str,
    pub(super) figure: Figure,
    pub(super) bound: Bound,
}

/// A bound of the ratio of one engine's figure to another's, in the same round.
pub(super) struct RatioLine {
    pub(super) over: Case,
    pub(super) under: Case,
    pub(super) what: &'static str,
    pub(super) figure: Figure,
    pub(super) bound: Bound,
}

const fn many(engine: Engine) -> Case {
    Case { engine, connections: 10_000, pace: Pace::Paced }
}

/// The case of which only the memory is bounded.
pub(super) const FEW_ON_THREADS: Case =
    Case { engine: Engine::Threads, connections: 2_000, pace: Pace::Paced };

/// In megabytes of 10^6 bytes.
fn memory(sample: &Sample) -> f64 {
    sample.footprint.sum() as f64 / 1e6
}

fn resident(sample: &Sample) -> f64 {
    sample.footprint.resident as f64 / 1e6
}

fn failed(sample: &Sample) -> f64 {
    sample.failed() as f64
}

/// 10,000 connections at 5/s are 50,000/s. Of the last of a run, the answers may come when the measured time is over: two
/// in a thousand may.
const ALL_OF_THEM: f64 = 49_900.0;

pub(super) const LINES: [Line; 9] = [
    Line {
        case: many(Engine::Cores),
        what: "requests/s",
        figure: |sample| sample.per_second,
        bound: Bound::AtLeast(ALL_OF_THEM),
    },
    Line { case: many(Engine::Cores), what: "errors", figure: failed, bound: Bound::AtMost(0.0) },
    Line {
        case: many(Engine::Cores),
        what: "p99, ms",
        figure: |sample| sample.p99_ms,
        bound: Bound::AtMost(50.0),
    },
    Line { case: many(Engine::Cores), what: "memory, MB", figure: memory, bound: Bound::AtMost(20.0) },
    Line {
        case: many(Engine::Threads),
        what: "requests/s",
        figure: |sample| sample.per_second,
        bound: Bound::AtLeast(48_000.0),
    },
    Line { case: many(Engine::Threads), what: "errors", figure: failed, bound: Bound::AtMost(0.0) },
    Line {
        case: many(Engine::Threads),
        what: "p99, ms",
        figure: |sample| sample.p99_ms,
        bound: Bound::AtMost(1_000.0),
    },
    Line { case: many(Engine::Threads), what: "memory, MB", figure: memory, bound: Bound::AtMost(340.0) },
    Line { case: FEW_ON_THREADS, what: "resident, MB", figure: resident, bound: Bound::AtMost(45.0) },
];

pub(super) const RATIO: RatioLine = RatioLine {
    over: many(Engine::Threads),
    under: many(Engine::Cores),
    what: "CPU per request",
    figure: |sample| sample.cpu_us,
    bound: Bound::AtMost(2.0),
};
