//! The comparison as a page: what the tables say, with plots before them.

use corelay_load::html::{Axis, Bar, Bars, Block, Lines, Page, Point, Scale, Section, Series, Table};
use corelay_load::statistics::Estimate;

use super::comparison::{Column, Comparison, Found};
use super::order;
use super::sample::{CPU, Figure, MEMORY, P99, PER_CONNECTION, PERCENTILES, RATE, Sample, number};
use super::scenario::Case;
use super::table::{self, Grid};

/// The whole page.
pub(super) fn of(comparison: &Comparison) -> Page {
    let mut lead = vec![table::version(comparison), comparison.machine.to_string()];
    lead.extend(table::conditions(comparison));
    let mut sections: Vec<_> = comparison.found.iter().map(|found| section(comparison, found)).collect();
    sections.push(reading(comparison));
    Page { title: title(comparison), lead, sections }
}

fn title(comparison: &Comparison) -> String {
    let names: Vec<_> = comparison.found.iter().map(|found| found.case.name()).collect();
    match names.len() {
        0..=3 => format!("corelay compare: {}", names.join(", ")),
        count => format!("corelay compare: {count} loads"),
    }
}

fn section(comparison: &Comparison, found: &Found) -> Section {
    let mut blocks = vec![Block::Text(format!("{}.", comparison.told(found.case)))];
    if found.processors != comparison.processors {
        blocks.push(Block::Text(format!("{}.", found.processors.told())));
    }
    blocks.extend(found.columns.iter().filter_map(|column| column.failure()).map(Block::Warning));
    if found.columns.iter().any(|column| !column.samples.is_empty()) {
        blocks.extend(plots(found));
        let Grid { heads, rows } = Grid::of(found);
        let caption = format!("{}: median of the rounds [95 % interval]", found.case.name());
        blocks.push(Block::Table(Table { caption, heads, rows }));
        let orders: Vec<_> = order::orders(found).iter().map(order::Order::told).collect();
        if !orders.is_empty() {
            blocks.push(Block::List(orders));
        }
    }
    Section { title: found.case.name().to_owned(), blocks }
}

/// What is worth a picture depends on the load: of connections that do nothing it is memory alone.
fn plots(found: &Found) -> Vec<Block> {
    match found.case {
        Case::Idle => vec![Block::Lines(memory(found)), Block::Bars(bars(found, &PER_CONNECTION))],
        _ => vec![
            Block::Lines(latency(found)),
            Block::Bars(bars(found, &RATE)),
            Block::Bars(bars(found, &CPU)),
            Block::Bars(bars(found, &MEMORY)),
            Block::Bars(bars(found, &P99)),
        ],
    }
}

fn latency(found: &Found) -> Lines {
    let points = |samples: &[Sample]| {
        let point =
            |(share, figure): &(f64, Figure)| Some(point(*share, figure.estimate(samples)?, samples.len()));
        PERCENTILES.iter().filter_map(point).collect()
    };
    Lines {
        title: "Latency by percentile".to_owned(),
        x: Axis::new("percentile of requests", Scale::Rarity),
        y: Axis::new("ms", Scale::Logarithmic),
        series: found.columns.iter().map(|column| series(column, points)).collect(),
    }
}

/// What a process is the reason for, with each number of connections.
fn memory(found: &Found) -> Lines {
    let points = |samples: &[Sample]| {
        let steps = samples.first().map_or(0, |sample| sample.steps.len());
        let step = |index: usize| {
            let values: Option<Vec<f64>> = samples
                .iter()
                .map(|sample| Some(sample.steps.get(index)?.footprint.sum() as f64 / 1e6))
                .collect();
            let connections = samples.first()?.steps.get(index)?.connections;
            Some(point(f64::from(connections), Estimate::of(&values?), samples.len()))
        };
        (0..steps).filter_map(step).collect()
    };
    Lines {
        title: "Memory against connections: resident, kernel stacks and page tables".to_owned(),
        x: Axis::new("connections", Scale::Linear),
        y: Axis::new("MB", Scale::Linear),
        series: found.columns.iter().map(|column| series(column, points)).collect(),
    }
}

/// Every server keeps its colour, whether it has points or not.
fn series(column: &Column, points: impl Fn(&[Sample]) -> Vec<Point>) -> Series {
    Series { name: column.server.clone(), points: points(&column.samples) }
}

fn point(x: f64, estimate: Estimate, rounds: usize) -> Point {
    Point { x, y: estimate.median, interval: interval(estimate, rounds) }
}

/// One round has none.
fn interval(estimate: Estimate, rounds: usize) -> Option<(f64, f64)> {
    (rounds > 1).then_some((estimate.low, estimate.high))
}

fn bars(found: &Found, figure: &Figure) -> Bars {
    let bar = |column: &Column| {
        let estimate = figure.estimate(&column.samples);
        Bar {
            name: column.server.clone(),
            value: estimate.map(|estimate| estimate.median),
            label: estimate.map_or_else(|| "not known".to_owned(), |estimate| number(estimate.median)),
            interval: estimate.and_then(|estimate| interval(estimate, column.samples.len())),
        }
    };
    let better = if figure.name == RATE.name { "more is better" } else { "less is better" };
    Bars { title: format!("{} ({better})", figure.head()), bars: found.columns.iter().map(bar).collect() }
}

/// How to read it, and how to have it again.
fn reading(comparison: &Comparison) -> Section {
    let blocks = vec![
        Block::List(table::notes(comparison)),
        Block::Text("Servers:".to_owned()),
        Block::Commands(comparison.commands.clone()),
        Block::Text("This report:".to_owned()),
        Block::Commands(vec![comparison.asked.clone()]),
    ];
    Section { title: "How to read it".to_owned(), blocks }
}
