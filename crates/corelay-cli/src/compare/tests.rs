//! What is shown of a comparison: the table, the page and the JSON of one that is made up.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::time::Duration;

use corelay_load::Latency;
use corelay_load::machine::Machine;
use corelay_load::process::footprint::Footprint;

use super::comparison::{Column, Comparison, Found};
use super::processors::Processors;
use super::run::Failure;
use super::sample::Sample;
use super::scenario::Case;
use super::{page, table};

/// Four rounds of a server that answers so many requests a second; `cpu_us` of each round is a hundredth above the one before.
fn column(server: &str, per_second: f64, cpu_us: f64) -> Column {
    let sample = |round: u32| {
        // The type may grow, so it has no other constructor.
        let mut latency = Latency::default();
        (latency.p50, latency.p90) = (Duration::from_micros(700), Duration::from_micros(900));
        (latency.p99, latency.p99_9) = (Duration::from_millis(2), Duration::from_millis(5));
        latency.p99_99 = Duration::from_millis(6);
        Sample {
            per_second: Some(per_second),
            latency: Some(latency),
            cpu_us: Some(cpu_us * (1.0 + f64::from(round) / 100.0)),
            footprint: Some(Footprint { resident: 10_000_000, threads: 100, ..Footprint::default() }),
            switches: Some(1.25),
            ..Sample::default()
        }
    };
    Column { samples: (0..4).map(sample).collect(), ..Column::of(server.to_owned()) }
}

fn comparison(columns: Vec<Column>) -> Comparison {
    let processors = Processors { server: vec![0], load: vec![1] };
    let found = Found { case: Case::KeepAlive, processors: processors.clone(), columns };
    Comparison {
        machine: Machine::observe(2),
        processors,
        rounds: 4,
        duration: Duration::from_millis(500),
        connections: Some(8),
        rpc: false,
        asked: "corelay compare keepalive".to_owned(),
        commands: vec!["corelay serve --engine cores".to_owned()],
        found: vec![found],
    }
}

fn failed(server: &str) -> Column {
    let failure = Failure { why: "nobody accepts at <there>".to_owned(), until_then: None };
    Column { failed: Some((1, failure)), ..Column::of(server.to_owned()) }
}

#[test]
fn servers_are_columns_and_figures_are_rows() {
    let text =
        table::render(&comparison(vec![column("cores", 81_106.4, 11.0), column("threads", 58_065.0, 17.0)]));
    let row =
        |name: &str| text.lines().find(|line| line.starts_with(&format!("| {name} "))).unwrap().to_owned();
    assert!(row("requests/s").contains("81106") && row("requests/s").contains("58065"), "{text}");
    assert!(row("CPU/request µs").contains("11.2 [11.0, 11.3]"), "{text}");
    assert!(row("p99.99 ms").contains(" 6 |"), "{text}");
    assert!(row("kernel stacks MB").contains("1.64") && row("memory MB").contains("11.6"), "{text}");
    assert!(
        text.contains("CPU/request: cores < threads\n") && text.contains("memory: cores ≈ threads\n"),
        "{text}"
    );
    assert!(text.contains("server on CPU 0, load on CPU 1; rounds: 4 of 0.5 s"), "{text}");
    assert!(!text.contains("artial") && !text.contains("busiest thread"), "{text}");
    let lengths: Vec<_> =
        text.lines().filter(|line| line.starts_with('|')).map(|line| line.chars().count()).collect();
    assert!(lengths.iter().all(|length| *length == lengths[0]), "{text}");
}

#[test]
fn it_is_told_that_requests_are_calls() {
    let comparison = Comparison { rpc: true, ..comparison(vec![column("cores", 81_106.0, 11.0)]) };
    let told = "each request is a call of corelay.demo.v1.RandomService/Draw, in JSON";
    assert!(table::render(&comparison).contains(told));
    assert!(page::of(&comparison).html().contains(told));
    let json = comparison.json();
    assert_eq!(json["rpc"], "corelay.demo.v1.RandomService/Draw");
    assert!(json["scenarios"][0]["load"].as_str().unwrap().contains(told));
}

#[test]
fn a_server_that_failed_is_marked_and_the_others_are_shown() {
    let comparison = comparison(vec![column("cores", 81_106.0, 11.0), failed("elsewhere")]);
    let text = table::render(&comparison);
    assert!(text.contains("elsewhere (partial)") && text.contains("81106"), "{text}");
    assert!(text.contains("elsewhere failed in round 1: nobody accepts at <there>."), "{text}");
    let html = page::of(&comparison).html();
    assert!(html.contains("class=\"warning\"") && html.contains("nobody accepts at &lt;there&gt;"), "{html}");
    assert!(html.contains("elsewhere: not known"), "{html}");
    let json = comparison.json();
    assert_eq!(json["is_partial"], true);
    assert_eq!(json["scenarios"][0]["servers"][1]["failed"]["round"], 1);
    assert_eq!(json["scenarios"][0]["servers"][0]["samples"].as_array().unwrap().len(), 4);
}

#[test]
fn where_every_server_failed_there_is_no_empty_table() {
    let comparison = comparison(vec![failed("cores")]);
    assert!(!table::render(&comparison).contains("| "));
    assert!(!page::of(&comparison).html().contains("<table"));
}

#[test]
fn the_page_has_the_figures_the_orders_and_the_way_to_have_it_again() {
    let html =
        page::of(&comparison(vec![column("cores", 81_106.0, 11.0), column("threads", 58_065.0, 17.0)]))
            .html();
    for told in
        ["81106", "Latency by percentile", "CPU/request: cores &lt; threads", "corelay compare keepalive"]
    {
        assert!(html.contains(told), "{told}: {html}");
    }
    assert_eq!(html.matches("<figure").count(), 5);
}
