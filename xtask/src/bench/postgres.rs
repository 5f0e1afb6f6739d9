//! `cargo xtask bench postgres`: handlers that wait for a database, beside the same interface on async Rust.
//!
//! ```text
//! CPU 0: the server under load (examples/postgres.rs, or its peer on axum)     CPU 1: PostgreSQL and wrk
//! ```
//!
//! All servers run at once, idle but for one, on one database and with pools of the same size; the rounds take them in
//! turn, as those of `cargo xtask bench` do and for the same reason. PostgreSQL shares a CPU with the load, so requests
//! per second tell of all three programs together; CPU time per request tells of the server alone.
//!
//! Deliberately absent: a bound. What the figures mean is told where they are shown.

mod database;
mod load;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::options::pairs;
use crate::shell;
use crate::workspace::{cargo, target};
use corelay_load::machine::Machine;
use corelay_load::process::usage::CpuTime;
use corelay_load::statistics::Estimate;
use database::{Database, Serving};
use load::Kind;

const HELP: &str = "\
cargo xtask bench postgres [OPTIONS]   examples/postgres.rs beside the same on axum and tokio-postgres

  --rounds N        interleaved rounds: every server once a round, with each kind of load   [default: 7]
  --seconds S       length of one run                                                       [default: 5]
  --connections N   of wrk                                                                  [default: 32]
  --pool N          connections to the database, of each server                             [default: 16]
  --json FILE       write every single sample too

Servers on CPU 0, PostgreSQL and wrk on CPU 1, on loopback only. PostgreSQL is started by examples/postgres.sh.
";

struct Options {
    rounds: usize,
    seconds: u32,
    connections: u32,
    pool: u32,
    json: Option<PathBuf>,
}

/// One server and what was measured of it.
struct Contender {
    serving: Serving,
    /// One for each of [`Kind::ALL`].
    samples: [Samples; Kind::ALL.len()],
}

/// One value a run.
#[derive(Default)]
struct Samples {
    requests_per_second: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    cpu_us_per_request: Vec<f64>,
    /// Of all runs together.
    errors: u64,
}

/// Measures what the arguments after `bench postgres` ask for and prints it as one table.
///
/// # Errors
///
/// A wrong argument, a program that is missing or does not do its job, or an answer that was not 2xx.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{HELP}");
        return Ok(());
    }
    let options = Options::parse(arguments)?;
    let cpus = std::thread::available_parallelism()?.get();
    ensure!(cpus >= 2, "two CPUs are needed: one for the server, one for the database and the load");
    ensure!(shell::find("wrk").is_some(), "no wrk: apt-get install -y --no-install-recommends wrk");
    build()?;
    let mut machine = Machine::observe(cpus);
    let database = Database::start()?;
    let mut contenders = start(&database, &options)?;
    measure(&mut contenders, &options)?;
    let contenders: Vec<_> = contenders.into_iter().map(|contender| contender.stopped()).collect();
    drop(database);
    machine.finish();
    println!("{machine}\n");
    print_table(&contenders);
    println!("\nLoad: {}", shown_load(&options));
    if let Some(path) = &options.json {
        let rows: Vec<_> = contenders.iter().map(|(name, samples)| json_of(name, samples)).collect();
        let all = json!({ "machine": machine.json(), "load": shown_load(&options), "servers": rows });
        std::fs::write(path, format!("{all:#}\n"))?;
    }
    let errors: u64 = contenders.iter().flat_map(|(_, samples)| samples).map(|samples| samples.errors).sum();
    ensure!(errors == 0, "{errors} errors or answers other than 2xx: the figures tell nothing");
    Ok(())
}

/// Two builds and not one, lest a peer's features reach what corelay is compiled with.
fn build() -> Result<()> {
    shell::run(&mut cargo(&["build", "--release", "--package", "corelay", "--example", "postgres"]))?;
    let peer = ["--features", "peer-axum-postgres", "--bin", "peer-axum-postgres"];
    shell::run(cargo(&["build", "--release", "--package", "corelay-bench"]).args(peer))
}

fn start(database: &Database, options: &Options) -> Result<Vec<Contender>> {
    let release = target().join("release");
    let (example, peer) = (release.join("examples/postgres"), release.join("peer-axum-postgres"));
    let serving = |name, program, words: &[&str], environment: &[(&str, &str)]| -> Result<Contender> {
        let serving = Serving::start(name, program, words, database, options.pool, environment)?;
        Ok(Contender { serving, samples: Default::default() })
    };
    let (address, cpu) = ("127.0.0.1:0", ("CORELAY_CPUS", database::SERVER_CPU));
    Ok(vec![
        serving("axum", &peer, &["--listen", address], &[])?,
        serving("corelay", &example, &[address], &[cpu])?,
        serving("corelay .blocking()", &example, &[address], &[cpu, ("NOTES_BLOCKING", "1")])?,
    ])
}

/// Rounds of every server with every kind of load, after one that is not counted.
fn measure(contenders: &mut [Contender], options: &Options) -> Result<()> {
    let mut runs = 0;
    for round in 0..=options.rounds {
        eprintln!("round {round} of {}{}", options.rounds, if round == 0 { ", to warm up" } else { "" });
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            for contender in contenders.iter_mut() {
                runs += 1;
                let samples = &mut contender.samples[index];
                let counted = (round > 0).then_some(samples);
                measure_one(&contender.serving, kind, runs, options, counted)?;
            }
        }
        // A B C, then C B A: a drift of the machine within a round favours nobody.
        contenders.reverse();
    }
    contenders.sort_by_key(|contender| contender.serving.name);
    Ok(())
}

fn measure_one(
    serving: &Serving,
    kind: Kind,
    run: u32,
    options: &Options,
    counted: Option<&mut Samples>,
) -> Result<()> {
    let words = load::command(kind, &serving.url, run, options.connections, options.seconds);
    let before = CpuTime::read(serving.id())?;
    let found = load::run(&words).with_context(|| serving.name)?;
    let used = CpuTime::read(serving.id())?.since(&before);
    let Some(samples) = counted else { return Ok(()) };
    samples.requests_per_second.push(found.requests_per_second);
    samples.p50_ms.push(found.p50_ms);
    samples.p99_ms.push(found.p99_ms);
    samples.cpu_us_per_request.push(used.as_secs_f64() * 1e6 / found.requests as f64);
    samples.errors += found.errors;
    Ok(())
}

fn shown_load(options: &Options) -> String {
    load::command(Kind::Mixed, "URL", 1, options.connections, options.seconds).join(" ")
}

/// A server's name and what was measured of it, per kind of load.
type Measured = (&'static str, [Samples; Kind::ALL.len()]);

/// A Markdown table, the rates compared with the first row's within each round.
fn print_table(contenders: &[Measured]) {
    println!(
        "| load | server | requests/s [95 %] | against {} | p50 ms | p99 ms | CPU µs/request [95 %] |",
        contenders[0].0
    );
    println!("|---|---|---|---|---|---|---|");
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let first = &contenders[0].1[index];
        for (name, samples) in contenders {
            let samples = &samples[index];
            let rate = Estimate::of(&samples.requests_per_second);
            let ratio = Estimate::of_ratio(&samples.requests_per_second, &first.requests_per_second);
            let cpu = Estimate::of(&samples.cpu_us_per_request);
            let (p50, p99) = (Estimate::of(&samples.p50_ms).median, Estimate::of(&samples.p99_ms).median);
            println!(
                "| {} | {name} | {rate:.0} | {:.2} × | {p50:.2} | {p99:.2} | {cpu:.1} |",
                kind.name(),
                ratio.median,
            );
        }
    }
}

fn json_of(name: &str, samples: &[Samples; Kind::ALL.len()]) -> Value {
    let loads = Kind::ALL.into_iter().zip(samples).map(|(kind, samples)| {
        json!({
            "load": kind.name(), "requests_per_second": samples.requests_per_second, "p50_ms": samples.p50_ms,
            "p99_ms": samples.p99_ms, "cpu_us_per_request": samples.cpu_us_per_request, "errors": samples.errors,
        })
    });
    json!({ "server": name, "loads": loads.collect::<Vec<_>>() })
}

impl Contender {
    /// Ends the server and keeps the figures.
    fn stopped(self) -> Measured {
        (self.serving.name, self.samples)
    }
}

impl Options {
    fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self { rounds: 7, seconds: 5, connections: 32, pool: 16, json: None };
        pairs(words, HELP, |option, value| {
            match option {
                "--rounds" => options.rounds = value.parse()?,
                "--seconds" => options.seconds = value.parse()?,
                "--connections" => options.connections = value.parse()?,
                "--pool" => options.pool = value.parse()?,
                "--json" => options.json = Some(value.into()),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let numbers = [options.seconds, options.connections, options.pool];
        ensure!(options.rounds > 0 && !numbers.contains(&0), "every number must be at least 1");
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn options_have_defaults_and_a_wrong_word_is_named() {
        let options = parse("--rounds 3 --pool 8").unwrap();
        assert_eq!((options.rounds, options.seconds, options.connections, options.pool), (3, 5, 32, 8));
        for (line, named) in
            [("--rounds x", "--rounds x"), ("--pool 0", "at least 1"), ("--json", "--json"), ("--p 1", "--p")]
        {
            let error = parse(line).err().unwrap().to_string();
            assert!(error.contains(named), "{line:?} gave {error:?}");
        }
    }
}
