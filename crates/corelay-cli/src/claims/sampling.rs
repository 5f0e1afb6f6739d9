//! Rounds: everything that is compared is measured in each, in turn forwards and backwards, so that a drift of the machine
//! favours nobody.

use anyhow::Result;

/// What each of `subjects` gave, in their order, one for each round.
///
/// # Errors
///
/// The first that `measure` reports.
pub(super) fn interleaved<S, T>(
    subjects: &[S],
    rounds: usize,
    mut measure: impl FnMut(&S) -> Result<T>,
) -> Result<Vec<Vec<T>>> {
    let mut found: Vec<Vec<T>> = subjects.iter().map(|_| Vec::with_capacity(rounds)).collect();
    for round in 0..rounds {
        for step in 0..subjects.len() {
            let subject = if round % 2 == 0 { step } else { subjects.len() - 1 - step };
            found[subject].push(measure(&subjects[subject])?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    #[test]
    fn rounds_go_forwards_and_backwards() {
        let mut order = Vec::new();
        let found = interleaved(&['a', 'b'], 3, |subject| {
            order.push(*subject);
            Ok(order.len())
        });
        assert_eq!(order, ['a', 'b', 'b', 'a', 'a', 'b']);
        assert_eq!(found.unwrap(), [[1, 4, 5], [2, 3, 6]]);
    }
}
