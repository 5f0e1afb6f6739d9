//! One run: a server, a driver, and the looks at the server that do not disturb it.
//!
//! ```text
//!  driver   connections open ─▶ warm-up ─▶ measured ───────────▶ drain ─▶ report, connections held ─▶ released
//!  looks    threads' switches              CPU time   CPU time            memory, threads' switches
//! ```
//!
//! A server that ends in the middle of it fails the run; what the driver had found until then is kept with the failure. So it is
//! when nothing was answered, with what came instead.

use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use corelay_load::process::footprint::{Footprint, Switches};
use corelay_load::process::usage::CpuTime;
use corelay_load::{GroupReport, PlacementReport, Plan, Report};

use super::contender::Contender;
use super::drivers::Drivers;
use super::processors::Processors;
use super::sample::Sample;
use super::scenario::{Case, Setting};
use super::server::Server;
use crate::status::fetch;

/// Why a run has no sample, and what it had found.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) why: String,
    /// Of the time before it failed: no sample, since nobody knows of what.
    pub(super) until_then: Option<Box<Report>>,
}

/// A load, and where it runs.
pub(super) struct Run<'r> {
    pub(super) case: Case,
    pub(super) contender: &'r Contender,
    pub(super) processors: &'r Processors,
    pub(super) connections: Option<u32>,
    pub(super) duration: Duration,
    /// Whether plain requests are calls.
    pub(super) rpc: bool,
}

/// What was seen of the server's process.
struct Seen {
    /// CPU time over the time in which it was used.
    cpu_share: f64,
    footprint: Footprint,
    switches: u64,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { why: format!("{error:#}"), until_then: None }
    }
}

impl Run<'_> {
    /// Measures it, on a server of its own.
    pub(super) fn sample(&self) -> Result<Sample, Failure> {
        let mut server = Server::start(self.contender, self.processors)?;
        let setting = self.setting(&server);
        for request in self.case.requests(&setting) {
            let (method, path) = (&request.method, &request.path);
            fetch::answers(&server.address.to_string(), &server.host, &request)
                .with_context(|| format!("it does not answer {method} {path} as this scenario needs"))?;
        }
        let sample = match self.case {
            Case::Idle => super::idle::sample(self, &server, &setting).map_err(Failure::from),
            _ => self.loaded(&mut server, &setting),
        };
        // Whatever went wrong then went wrong because of that.
        sample.map_err(|failure| match server.ended() {
            Some(why) => Failure { why, ..failure },
            None => failure,
        })
    }

    fn setting(&self, server: &Server) -> Setting {
        Setting {
            connections: self.connections,
            duration: self.duration,
            path: self.contender.path(),
            rpc: self.rpc,
            cpus: self.processors.server.len(),
            place_on: server.id().filter(|_| self.contender.has_cores() && self.processors.server.len() > 1),
        }
    }

    fn loaded(&self, server: &mut Server, setting: &Setting) -> Result<Sample, Failure> {
        let plan = self.case.plan(server.address, &server.host, setting);
        let mut drivers = Drivers::start(&plan, self.processors)?;
        let (report, seen) = self.look(server.id().filter(|_| has_figures()), &plan, &mut drivers)?;
        let seen = match seen {
            Ok(seen) if server.ended().is_none() => seen,
            seen => {
                let why = seen.err().map_or_else(|| "the server ended".to_owned(), |error| error.to_string());
                return Err(Failure { why, until_then: Some(Box::new(report)) });
            }
        };
        drivers.release().context("the load driver")?;
        self.judged(&report, seen, setting).map_err(|why| Failure { why, until_then: Some(Box::new(report)) })
    }

    /// Looks at the server while the driver has its run. The looks fail by themselves: the report is worth having all the same.
    fn look(
        &self,
        server: Option<u32>,
        plan: &Plan,
        drivers: &mut Drivers,
    ) -> Result<(Report, io::Result<Option<Seen>>)> {
        let switches = server.map(Switches::read).transpose();
        drivers.begin()?;
        let begun = Instant::now();
        sleep_until(begun + plan.warm_up);
        let (before, from) = (server.map(CpuTime::read_beside_load).transpose(), Instant::now());
        sleep_until(begun + plan.warm_up + plan.duration);
        let (after, time) = (server.map(CpuTime::read_beside_load).transpose(), from.elapsed());
        let report = drivers.report()?;
        let seen = || {
            let (Some(server), Some(switches), Some(before), Some(after)) =
                (server, switches?, before?, after?)
            else {
                return Ok(None);
            };
            Ok(Some(Seen {
                cpu_share: after.since(&before).as_secs_f64() / time.as_secs_f64(),
                footprint: Footprint::read(server)?,
                switches: Switches::read(server)?.since(&switches).times,
            }))
        };
        Ok((report, seen()))
    }

    /// The sample; or why what was found is none.
    fn judged(&self, report: &Report, seen: Option<Seen>, setting: &Setting) -> Result<Sample, String> {
        let plain = self.case.plain(report, setting).ok_or("the driver reports no such requests")?;
        let per_second: f64 = report.groups.iter().map(|group| group.total.per_second).sum();
        // A server that falls behind has requests that are still out, which is a result. One without any has refused them all.
        if plain.answered == 0 && plain.errors.unanswered + plain.errors.timeout == 0 {
            let garbage = report
                .first_garbage
                .as_ref()
                .map(|bytes| format!("; the first bytes that were none: {bytes}"));
            return Err(format!(
                "nothing was answered well: {}{}",
                told(&plain.errors),
                garbage.unwrap_or_default()
            ));
        }
        let whole = self.case.warm_up(setting) + setting.duration;
        let a_request = |seconds: f64, all: f64| (per_second > 0.0).then(|| all / (per_second * seconds));
        Ok(Sample {
            per_second: Some(plain.per_second),
            latency: Some(plain.latency),
            errors: plain.errors,
            cpu_us: seen.as_ref().and_then(|seen| a_request(1.0, seen.cpu_share * 1e6)),
            footprint: seen.as_ref().map(|seen| seen.footprint),
            switches: seen.as_ref().and_then(|seen| a_request(whole.as_secs_f64(), seen.switches as f64)),
            busiest_share: placement(&report.groups).and_then(PlacementReport::busiest_share),
            steps: Vec::new(),
            groups: report.groups.clone(),
            driver: Some(report.driver.clone()),
        })
    }
}

/// Whether this system tells of a process what is looked at here: where it does not, a server is measured from outside.
fn has_figures() -> bool {
    Path::new("/proc/self/stat").exists()
}

/// Of the group that was placed on one thread of the server, if one was.
pub(super) fn placement(groups: &[GroupReport]) -> Option<&PlacementReport> {
    groups.iter().find_map(|group| group.placement.as_ref())
}

/// Errors by kind, those that there were.
pub(super) fn told(errors: &corelay_load::ErrorCounts) -> String {
    let kinds = [
        (errors.connect, "could not connect"),
        (errors.reset, "connections ended early"),
        (errors.timeout, "timed out"),
        (errors.bad_status, "had another status than 2xx"),
        (errors.rpc, "were errors of the call"),
        (errors.bad_framing, "were no HTTP/1.1 answers"),
        (errors.unanswered, "were still out at the end"),
    ];
    let told: Vec<_> =
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if told.is_empty() { "no errors".to_owned() } else { told.join(", ") }
}

fn sleep_until(moment: Instant) {
    sleep(moment.saturating_duration_since(Instant::now()));
}
