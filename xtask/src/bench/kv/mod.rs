//! `cargo xtask bench kv`: `examples/kv.rs` beside redis-server, and its two ways to reach a shard of another core.
//!
//! ```text
//! one core      CPU 0: kv, or redis-server            CPU 1: redis-benchmark -t set,get -c 50, and with -P 16
//! two cores     CPU 0 and 1: kv --shards relayed, or locked, and redis-benchmark with keys at random
//! ```
//!
//! CPU time per request of the server's whole process: the load needs more of it than the server, and its rate tells of both.
//! Each run is a new process of the server and some seconds of the load, after some that are not counted; the rounds take the
//! servers in turn, and a ratio is that of neighbours.
//!
//! Deliberately absent: redis with several I/O threads, and persistence.

mod contender;
mod load;
mod options;
mod table;

use anyhow::{Result, ensure};
use corelay_load::machine::Machine;
use corelay_load::process::usage::CpuTime;

use super::beside;
use super::tools::Tools;
use contender::{Contender, Serving};
use load::Load;
use options::Options;
use table::Table;

/// One run of one load.
#[derive(Clone, Copy, Debug)]
struct Sample {
    cpu_us_per_request: f64,
    requests_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// Servers that are compared, the first with the second, under some loads.
struct Comparison {
    title: &'static str,
    contenders: Vec<Contender>,
    loads: Vec<Load>,
    /// For each contender and load.
    samples: Vec<Vec<Vec<Sample>>>,
    /// Whether the first must need no more CPU time than the second.
    is_bound: bool,
}

/// Measures what the arguments after `bench kv` ask for and prints it as one table.
///
/// # Errors
///
/// A wrong argument; a program that is missing or does not do its job; and, after the table is printed, a bound that is missed.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let mut tools = Tools::prepare_examples(&["kv"])?;
    let redis = tools.add_debian("redis-server")?;
    tools.add_debian("redis-benchmark")?;
    let mut machine = Machine::observe(tools.cpus);
    let mut comparisons = options.comparisons();
    for comparison in &mut comparisons {
        comparison.measure(&options, &tools)?;
    }
    machine.finish();
    let table = Table {
        machine,
        redis,
        commit: tools.version(super::servers::Server::Corelay).to_owned(),
        comparisons,
    };
    print!("{table}");
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", table.json()))?;
    }
    ensure!(table.missed() == 0, "kv misses {} of the bounds above", table.missed());
    Ok(())
}

impl Comparison {
    fn new(title: &'static str, contenders: Vec<Contender>, loads: Vec<Load>, is_bound: bool) -> Self {
        let samples = vec![vec![Vec::new(); loads.len()]; contenders.len()];
        Self { title, contenders, loads, samples, is_bound }
    }

    fn measure(&mut self, options: &Options, tools: &Tools) -> Result<()> {
        for round in 0..options.pairs {
            eprintln!("{}: round {} of {}", self.title, round + 1, options.pairs);
            for (index, load) in self.loads.iter().enumerate() {
                for place in beside::order(self.contenders.len(), round) {
                    let serving = self.contenders[place].start(tools)?;
                    self.samples[place][index].push(sample(&serving, load, options.seconds, tools)?);
                }
            }
        }
        Ok(())
    }
}

/// One run of a load, as long as asked for, after a tenth of that to warm up and to learn how many requests that is. What is
/// read was written before.
fn sample(serving: &Serving, load: &Load, seconds: f64, tools: &Tools) -> Result<Sample> {
    if let Some((filling, requests)) = load.filling() {
        filling.run(serving.port, requests, tools)?;
    }
    let first = load.run(serving.port, load::REQUESTS_LEAST, tools)?;
    let warm = load.run(serving.port, load::requests(first.requests_per_second, seconds / 10.0), tools)?;
    let requests = load::requests(warm.requests_per_second, seconds);
    let before = CpuTime::read(serving.id())?;
    let said = load.run(serving.port, requests, tools)?;
    let used = CpuTime::read(serving.id())?.since(&before);
    Ok(Sample {
        cpu_us_per_request: used.as_secs_f64() * 1e6 / requests as f64,
        requests_per_second: said.requests_per_second,
        p50_ms: said.p50_ms,
        p99_ms: said.p99_ms,
    })
}
