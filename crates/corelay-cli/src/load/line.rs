//! The line that says how far a run is, on standard error, where that is a terminal.

use std::time::Duration;

use corelay_load::{Plan, Progress, Stage};
use indicatif::{ProgressBar, ProgressStyle};

use super::units::count;

/// The line.
pub(super) struct Line {
    bar: ProgressBar,
    connections: u64,
    /// At the last look: for how long it had measured, and the answers until then.
    last: (Duration, u64),
}

impl Line {
    /// Nothing is drawn where standard error is no terminal: indicatif sees to that.
    pub(super) fn begin(plan: &Plan) -> Self {
        let bar = ProgressBar::new(u64::try_from(plan.duration.as_millis()).unwrap_or(u64::MAX));
        let style = ProgressStyle::with_template("{bar:24} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let connections = plan.groups.iter().map(|group| u64::from(group.connections)).sum();
        Self { bar, connections, last: (Duration::ZERO, 0) }
    }

    pub(super) fn show(&mut self, so_far: &Progress) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_position(u64::try_from(so_far.measured.as_millis()).unwrap_or(u64::MAX));
        let rate = self.rate(so_far);
        let answered = count(so_far.answered);
        let errors =
            if so_far.failed > 0 { format!(", {} errors", count(so_far.failed)) } else { String::new() };
        self.bar.set_message(match so_far.stage {
            Stage::Opening => {
                format!("opening connections: {} of {}", count(so_far.opened), count(self.connections))
            }
            Stage::WarmUp => "warming up".to_owned(),
            Stage::Measuring => {
                format!("{:.1} s, {answered} answers, {rate}{errors}", so_far.measured.as_secs_f64())
            }
            Stage::Draining => format!("waiting for what is still out, {answered} answers{errors}"),
        });
    }

    /// The line is taken away: the summary says it all.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Since the last look.
    fn rate(&mut self, so_far: &Progress) -> String {
        let seconds = so_far.measured.saturating_sub(self.last.0).as_secs_f64();
        let answers = so_far.answered.saturating_sub(self.last.1);
        self.last = (so_far.measured, so_far.answered);
        if seconds > 0.0 { format!("{:.0} /s", answers as f64 / seconds) } else { String::new() }
    }
}
