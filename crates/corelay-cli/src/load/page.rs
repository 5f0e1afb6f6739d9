//! What a run found as a page, the file of `--html`: the summary's figures, and the curve they are points of.

use std::time::Duration;

use corelay_load::html::{Axis, Block, Lines, Page, Point, Scale, Section, Series, Table};
use corelay_load::{Distribution, GroupReport};

use super::Run;
use super::summary::{asked, headline, named};
use super::units::{bytes, count, time};

/// Points of the curve for each step of ten times rarer.
const POINTS_PER_TENFOLD: u32 = 10;

/// The whole page.
pub(super) fn of(run: &Run<'_>) -> Page {
    let machine = format!("{}; a server on the same machine is one of these", run.machine);
    let lead = vec![format!("corelay {}", env!("CARGO_PKG_VERSION")), headline(run), asked(run), machine];
    let title = format!("corelay load: {}", run.options.target.url);
    Page { title, lead, sections: run.report.groups.iter().map(|group| section(run, group)).collect() }
}

fn section(run: &Run<'_>, group: &GroupReport) -> Section {
    let partial = run.partial().map(|why| format!("These figures are partial: {why}."));
    let limits = run.report.driver.limits.iter().map(|limit| format!("Mind: {limit}."));
    let mut blocks: Vec<_> = partial.into_iter().chain(limits).map(Block::Warning).collect();
    if group.total.latency.count > 0 {
        blocks.push(Block::Lines(latency(group)));
    }
    blocks.push(Block::Table(totals(run, group)));
    blocks.push(Block::Table(percentiles(group)));
    if group.paths.len() > 1 {
        blocks.push(Block::Table(requests(group)));
    }
    Section { title: "What was found".to_owned(), blocks }
}

/// Of all requests, and of each where there are several.
fn latency(group: &GroupReport) -> Lines {
    let series = |name: &str, distribution| Series { name: name.to_owned(), points: points(distribution) };
    let mut all = vec![series("all requests", &group.distribution)];
    if group.paths.len() > 1 {
        let answered = group.paths.iter().filter(|path| path.total.latency.count > 0);
        all.extend(answered.map(|path| series(&path.path, &path.distribution)));
    }
    Lines {
        title: "Latency by percentile".to_owned(),
        x: Axis::new("percentile of requests", Scale::Rarity),
        y: Axis::new("ms", Scale::Logarithmic),
        series: all,
    }
}

/// From the median to the rarest that one request in all of them is.
fn points(distribution: &Distribution) -> Vec<Point> {
    let rarest = 1.0 / distribution.count().max(1) as f64;
    let rarity = |step: u32| 0.5 * 10_f64.powf(-f64::from(step) / f64::from(POINTS_PER_TENFOLD));
    let rarities = (0..).map(rarity).take_while(|rarity| *rarity >= rarest);
    let point = |rarity: f64| Point {
        x: rarity,
        y: distribution.quantile(1.0 - rarity).as_secs_f64() * 1e3,
        interval: None,
    };
    rarities.map(point).collect()
}

fn totals(run: &Run<'_>, group: &GroupReport) -> Table {
    let total = &group.total;
    let mut rows = vec![
        ["requests".to_owned(), count(total.requests)],
        ["answers".to_owned(), count(total.answered)],
        ["answers a second".to_owned(), format!("{:.0}", total.per_second)],
        ["received".to_owned(), bytes(group.received_bytes as f64)],
        ["errors".to_owned(), count(total.errors.total())],
    ];
    rows.extend(group.statuses.iter().map(|(status, times)| [format!("status {status}"), count(*times)]));
    rows.extend(group.codes.iter().map(|(code, times)| [format!("error code {code}"), count(*times)]));
    let errors = named(&total.errors).into_iter().filter(|(times, _)| *times > 0);
    rows.extend(errors.map(|(times, what)| [what.to_owned(), count(times)]));
    if let Some(error) = run.report.driver.schedule_error {
        rows.push(["sent after it was due, p99".to_owned(), time(error.p99)]);
    }
    rows.push(["the generator's CPU".to_owned(), format!("{:.0} %", run.report.driver.cpu_share * 100.0)]);
    Table {
        caption: "Counts".to_owned(),
        heads: vec!["figure".to_owned(), "value".to_owned()],
        rows: rows.into_iter().map(Vec::from).collect(),
    }
}

fn percentiles(group: &GroupReport) -> Table {
    let named = group.total.latency.named();
    let row = |(name, value): (&str, Duration)| vec![name.to_owned(), time(value)];
    Table {
        caption: "Latency".to_owned(),
        heads: vec!["percentile".to_owned(), "time".to_owned()],
        rows: named.into_iter().map(row).collect(),
    }
}

fn requests(group: &GroupReport) -> Table {
    let row = |path: &corelay_load::PathReport| {
        let (total, latency) = (&path.total, &path.total.latency);
        let counts = [count(total.answered), count(total.errors.total())];
        let times = [latency.p50, latency.p99, latency.max];
        let times = times.map(|value| if latency.count > 0 { time(value) } else { "–".to_owned() });
        [path.path.clone()].into_iter().chain(counts).chain(times).collect()
    };
    Table {
        caption: "By request".to_owned(),
        heads: ["request", "answers", "errors", "p50", "p99", "max"].map(str::to_owned).into(),
        rows: group.paths.iter().map(row).collect(),
    }
}
