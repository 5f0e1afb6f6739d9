//! Several processes' reports of one plan, as one.
//!
//! Counts and rates are sums, distributions are added before percentiles are read from them: a mean of percentiles is no percentile.

use super::{Ending, GroupReport, PathReport, Report, Total};
use crate::Error;

impl Report {
    /// Joins the reports of processes that each carried out a part of a plan: [`Plan::split`](crate::Plan::split).
    ///
    /// # Errors
    ///
    /// [`Error::Plan`] if they are of different plans, or there is none.
    pub fn merge(reports: impl IntoIterator<Item = Self>) -> Result<Self, Error> {
        let mut reports = reports.into_iter();
        let mut sum = reports.next().ok_or_else(|| Error::Plan("there is no report to merge".to_owned()))?;
        for report in reports {
            sum.add(report)?;
        }
        Ok(sum)
    }

    fn add(&mut self, other: Self) -> Result<(), Error> {
        let names = |report: &Self| report.groups.iter().map(|group| group.name.clone()).collect::<Vec<_>>();
        if names(self) != names(&other) {
            return Err(Error::Plan("the reports are of different plans".to_owned()));
        }
        self.groups.iter_mut().zip(other.groups).try_for_each(|(group, other)| group.add(other))?;
        self.driver.add(&other.driver);
        self.given_up_for.add(&other.given_up_for);
        self.measured = self.measured.max(other.measured);
        self.first_garbage = self.first_garbage.take().or(other.first_garbage);
        if self.ending == Ending::AsPlanned {
            self.ending = other.ending;
        }
        Ok(())
    }
}

impl GroupReport {
    fn add(&mut self, other: Self) -> Result<(), Error> {
        if !self.paths.iter().map(|path| &path.path).eq(other.paths.iter().map(|path| &path.path)) {
            return Err(Error::Plan(format!("the reports of group {:?} are of different mixes", self.name)));
        }
        self.paths.iter_mut().zip(&other.paths).for_each(|(path, other)| path.add(other));
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (code, count) in other.codes {
            *self.codes.entry(code).or_default() += count;
        }
        self.received_bytes += other.received_bytes;
        self.distribution.add(&other.distribution);
        self.total.add(&other.total);
        self.total.latency = self.distribution.summary();
        self.slowest_connection_per_second =
            self.slowest_connection_per_second.min(other.slowest_connection_per_second);
        self.placement = self.placement.take().or(other.placement);
        Ok(())
    }
}

impl PathReport {
    fn add(&mut self, other: &Self) {
        self.distribution.add(&other.distribution);
        self.total.add(&other.total);
        self.total.latency = self.distribution.summary();
    }
}

impl Total {
    /// All but the latency, which is not a sum.
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.answered += other.answered;
        self.errors.add(&other.errors);
        self.per_second += other.per_second;
        self.body_bytes += other.body_bytes;
    }
}
