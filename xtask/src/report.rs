//! What the gates did: a line for each step with its time, and the totals.

use std::time::Instant;

use anyhow::{Result, bail};

/// How many checks passed and failed. A step that is not made of tests is one check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Checks that passed.
    pub(crate) passed: usize,
    /// Checks that failed.
    pub(crate) failed: usize,
}

impl Count {
    /// One check that passed.
    pub(crate) const ONE: Self = Self { passed: 1, failed: 0 };

    /// Adds what one line of a Rust test binary says, as in `test result: ok. 5 passed; 0 failed; 1 ignored; …`.
    ///
    /// # Errors
    ///
    /// A test is ignored: here a test runs or is deleted.
    pub(crate) fn add_line(&mut self, line: &str) -> Result<()> {
        let Some(result) = line.strip_prefix("test result: ") else { return Ok(()) };
        let number = |what: &str| {
            let before = result.split(what).next().filter(|before| before.len() < result.len())?;
            before.trim_end().rsplit(' ').next()?.parse::<usize>().ok()
        };
        self.passed += number("passed;").unwrap_or(0);
        self.failed += number("failed;").unwrap_or(0);
        if number("ignored;") != Some(0) {
            bail!("no test may be ignored: {line}");
        }
        Ok(())
    }
}

/// The steps so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    total: Count,
    lines: Vec<String>,
}

impl Report {
    /// Does one step, and tells its name before and its time after it.
    ///
    /// # Errors
    ///
    /// The step's own, which should end the run; a step that counted failures fails too.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<Count>) -> Result<()> {
        println!("\n==== {name}");
        let begun = Instant::now();
        let outcome = work();
        let count = outcome.as_ref().copied().unwrap_or(Count { passed: 0, failed: 1 });
        self.total.passed += count.passed;
        self.total.failed += count.failed;
        let seconds = begun.elapsed().as_secs_f64();
        let verdict = if count.failed == 0 { "ok" } else { "FAILED" };
        let line = format!("{seconds:7.1} s  {verdict:6}  {:5} passed  {name}", count.passed);
        println!("==== {line}");
        self.lines.push(line);
        match outcome? {
            Count { failed: 0, .. } => Ok(()),
            Count { failed, .. } => bail!("{failed} failed in {name}"),
        }
    }

    /// Prints all steps again, and the totals alone on the last line.
    pub(crate) fn finish(&self) {
        println!("\n{}\n", self.lines.join("\n"));
        println!("{} passed, {} failed", self.total.passed, self.total.failed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    #[test]
    fn lines_of_test_binaries_are_summed_and_others_skipped() {
        let mut count = Count::default();
        for line in [
            "running 3 tests",
            "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 40 passed; 3 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.00s",
        ] {
            count.add_line(line).unwrap();
        }
        assert_eq!(count, Count { passed: 42, failed: 3 });
    }

    #[test]
    fn an_ignored_test_is_an_error() {
        let line = "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out";
        assert!(Count::default().add_line(line).is_err());
    }

    #[test]
    fn a_failed_step_is_counted_and_ends_the_run() {
        let mut report = Report::default();
        report.step("good", || Ok(Count { passed: 5, failed: 0 })).unwrap();
        assert!(report.step("bad", || bail!("no")).is_err());
        assert!(report.step("worse", || Ok(Count { passed: 1, failed: 2 })).is_err());
        assert_eq!(report.total, Count { passed: 6, failed: 3 });
    }
}
