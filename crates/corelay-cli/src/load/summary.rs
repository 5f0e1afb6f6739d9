//! What a run found, as text: first what wrk and oha print too, then what makes it doubtful.

use std::fmt::{self, Write as _};

use corelay_load::{Ending, ErrorCounts, GroupReport, Pace, PathReport, Report};

use super::Run;
use super::units::{bytes, count, time};

/// The whole summary.
pub(super) fn summary(run: &Run<'_>) -> String {
    let mut out = String::new();
    // A String takes everything.
    let _ = write(&mut out, run);
    out
}

fn write(out: &mut String, run: &Run<'_>) -> fmt::Result {
    let report = run.report;
    if let Some(why) = run.partial() {
        writeln!(out, "PARTIAL: {why}; these figures are of the {} until then.\n", time(report.measured))?;
    }
    let Some(group) = report.groups.first() else { return Ok(()) };
    writeln!(out, "{}\n  {}\n", headline(run), asked(run))?;
    totals(out, report, group)?;
    latency(out, group)?;
    paths(out, &group.paths)?;
    statuses(out, group)?;
    codes(out, group)?;
    errors(out, report, &group.total.errors)?;
    driver(out, report)
}

/// How long, and on what.
pub(super) fn headline(run: &Run<'_>) -> String {
    format!("{} of load on {}", time(run.report.measured), run.options.target.url)
}

/// What was asked for, in one line.
pub(super) fn asked(run: &Run<'_>) -> String {
    let options = run.options;
    let loop_of = match options.pace {
        Pace::Closed => "closed loop".to_owned(),
        Pace::Open { requests_per_second: rate } => format!("{rate} requests/s, evenly spaced"),
        Pace::Poisson { requests_per_second: rate } => format!("{rate} requests/s, at random moments"),
    };
    let mut text = format!("{} connections, {loop_of}", count(u64::from(options.connections)));
    let mut requests = options.requests.mix.requests();
    if let (Some(call), None) = (requests.next().filter(|request| request.is_call), requests.next()) {
        text += &format!(", calls of {}", call.label());
    }
    if options.pipeline > 1 {
        text += &format!(", up to {} out on each", options.pipeline);
    }
    if let Some(requests) = options.requests_per_connection {
        text += &format!(", {requests} requests on each");
    }
    if run.report.driver.processes > 1 {
        text += &format!(", {} processes", run.report.driver.processes);
    }
    text
}

fn totals(out: &mut String, report: &Report, group: &GroupReport) -> fmt::Result {
    let total = &group.total;
    writeln!(out, "Requests   {:>14}", count(total.requests))?;
    writeln!(
        out,
        "Answers    {:>14}   {:>14}",
        count(total.answered),
        format!("{:.0} /s", total.per_second)
    )?;
    let received = group.received_bytes as f64;
    let seconds = report.measured.as_secs_f64();
    let rate = if seconds > 0.0 { received / seconds } else { 0.0 };
    writeln!(out, "Received   {:>14}   {:>14}", bytes(received), format!("{}/s", bytes(rate)))?;
    writeln!(out, "Errors     {:>14}\n", count(total.errors.total()))
}

fn latency(out: &mut String, group: &GroupReport) -> fmt::Result {
    let latency = &group.total.latency;
    if latency.count == 0 {
        return writeln!(out, "Latency    no request was answered\n");
    }
    writeln!(out, "Latency")?;
    for (name, value) in latency.named() {
        writeln!(out, "  {name:<8} {:>14}", time(value))?;
    }
    writeln!(out)
}

/// Where there is more than one.
fn paths(out: &mut String, paths: &[PathReport]) -> fmt::Result {
    if paths.len() < 2 {
        return Ok(());
    }
    let width = paths.iter().map(|path| path.path.chars().count()).max().unwrap_or(0).max(8);
    writeln!(
        out,
        "{:<width$} {:>12} {:>10} {:>10} {:>10} {:>10}",
        "By request", "answers", "errors", "p50", "p99", "max"
    )?;
    for PathReport { path, total, .. } in paths {
        let (answers, errors) = (count(total.answered), count(total.errors.total()));
        let latency = [total.latency.p50, total.latency.p99, total.latency.max];
        let latency = latency.map(|value| if total.latency.count > 0 { time(value) } else { "–".to_owned() });
        let [p50, p99, max] = latency;
        writeln!(out, "{path:<width$} {answers:>12} {errors:>10} {p50:>10} {p99:>10} {max:>10}")?;
    }
    writeln!(out)
}

fn statuses(out: &mut String, group: &GroupReport) -> fmt::Result {
    if group.statuses.is_empty() {
        return Ok(());
    }
    writeln!(out, "Status codes")?;
    group
        .statuses
        .iter()
        .try_for_each(|(status, times)| writeln!(out, "  {status:<8} {:>14}", count(*times)))?;
    writeln!(out)
}

/// Of calls that failed.
fn codes(out: &mut String, group: &GroupReport) -> fmt::Result {
    if group.codes.is_empty() {
        return Ok(());
    }
    writeln!(out, "Error codes of calls")?;
    group.codes.iter().try_for_each(|(code, times)| writeln!(out, "  {code:<19} {:>14}", count(*times)))?;
    writeln!(out)
}

fn errors(out: &mut String, report: &Report, errors: &ErrorCounts) -> fmt::Result {
    if errors.total() == 0 && report.first_garbage.is_none() {
        return Ok(());
    }
    writeln!(out, "Errors")?;
    for (times, what) in named(errors).into_iter().filter(|(times, _)| *times > 0) {
        writeln!(out, "  {:>14}   {what}", count(times))?;
    }
    if let Some(garbage) = &report.first_garbage {
        writeln!(out, "  The first bytes that were no answer: {garbage}")?;
    }
    writeln!(out)
}

/// Each kind of error in words.
pub(super) fn named(errors: &ErrorCounts) -> [(u64, &'static str); 7] {
    [
        (errors.connect, "connections could not be opened"),
        (errors.reset, "connections ended before the answer was whole"),
        (errors.timeout, "requests had no whole answer in time"),
        (errors.bad_status, "answers had a status other than 2xx"),
        (errors.rpc, "calls were answered with an error"),
        (errors.bad_framing, "answers were none of the protocol, or more than were asked for"),
        (errors.unanswered, "requests were without answer when the run ended"),
    ]
}

fn driver(out: &mut String, report: &Report) -> fmt::Result {
    let driver = &report.driver;
    if let Some(error) = driver.schedule_error {
        let [p50, p99, max] = [error.p50, error.p99, error.max].map(time);
        writeln!(out, "Sent after it was due: p50 {p50}, p99 {p99}, max {max}")?;
    }
    writeln!(out, "The generator used {:.0} % of its CPU", driver.cpu_share * 100.0)?;
    driver.limits.iter().try_for_each(|limit| writeln!(out, "Mind: {limit}"))
}

impl Run<'_> {
    /// Why the run did not go on to its end, if it did not.
    pub(super) fn partial(&self) -> Option<String> {
        let why = match self.report.ending {
            Ending::AsPlanned => self.lost.clone()?,
            Ending::Stopped => "the run was interrupted".to_owned(),
            Ending::GaveUp => {
                let most = named(&self.report.given_up_for).into_iter().max_by_key(|(times, _)| *times);
                let what = most.map_or("none was answered", |(_, what)| what);
                format!("the server was given up, for {what}")
            }
            _ => "the run ended early".to_owned(),
        };
        Some(why)
    }
}
