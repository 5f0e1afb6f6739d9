//! `/random`: a little work of the kind an RPC does.

use std::cell::Cell;

use corelay::http::{IntoResponse, Json, Query, Response, StatusCode};
use serde::{Deserialize, Serialize, Serializer};

/// Numbers one request may ask for.
const NUMBERS_MAX: u64 = 10_000;
/// The highest bound of a number, which is itself excluded.
const BOUND_MAX: u64 = 1 << 32;

/// `?n=K&max=M`.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default = "one")]
    n: u64,
    #[serde(default = "hundred")]
    max: u64,
}

fn one() -> u64 {
    1
}

fn hundred() -> u64 {
    100
}

/// `GET /random?n=K&max=M`: a JSON array of K integers, each at least 0 and below M.
pub(super) fn random(Query(wanted): Query<Wanted>) -> Response {
    let Wanted { n, max } = wanted;
    if !(1..=NUMBERS_MAX).contains(&n) {
        return refuse(format!("n must be from 1 to {NUMBERS_MAX}, not {n}\n"));
    }
    if !(1..=BOUND_MAX).contains(&max) {
        return refuse(format!("max must be from 1 to {BOUND_MAX}, not {max}\n"));
    }
    // fastrand keeps a generator for each thread and seeds it when the thread first asks.
    Json(Sequence::new((0..n).map(|_| fastrand::u64(0..max)))).into_response()
}

fn refuse(reason: String) -> Response {
    (StatusCode::BAD_REQUEST, reason).into_response()
}

/// Numbers that are drawn while they are serialised, and so never stored.
struct Sequence<I>(Cell<Option<I>>);

impl<I> Sequence<I> {
    fn new(numbers: I) -> Self {
        Self(Cell::new(Some(numbers)))
    }
}

impl<I: Iterator<Item = u64>> Serialize for Sequence<I> {
    /// Gives the numbers once; a second time there are none left.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.take().into_iter().flatten())
    }
}
