//! `cargo xtask soak --minutes N`: everything that goes wrong, at random, for as long as one likes, beside users who notice nothing.
//!
//! ```text
//! users, three enemies: a while ─▶ at rest: what the server holds ─▶ users, three enemies: N minutes ─▶ at rest: no more ─▶ drain
//! ```
//!
//! One server, a release build; the mischief is that of `crates/corelay-cli/tests/faults`, in random doses ([`mischief`]). It fails if one
//! well-behaved request fails, if the server holds more at the end than at the beginning, or does not drain.
//!
//! Deliberately absent: limits on memory as a whole, under which well-behaved requests rightly fail; links that lose packets.

mod enemy;
mod figures;
mod mischief;
mod options;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use corelay_load::{Group, Mix, Plan, Report, Request};

use super::driver;
use super::running::{Running, free_addresses};
use super::servers::{Server, words};
use super::tools::Tools;
use enemy::{Enemy, Tally};
use figures::{Holdings, Status};
use options::Options;

/// Enemies at work at once.
const ENEMIES: u64 = 3;
/// The longest that is done before anything is compared: what allocators keep of a peak grows at first.
const WARM_UP_MAX: Duration = Duration::from_secs(120);
/// How long the server may take to be at rest when nobody wants anything any more.
const REST_PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Soaks, and prints what was seen.
///
/// # Errors
///
/// A wrong argument, a program that does not run, and whatever is not as promised.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let tools = Tools::prepare_relay()?;
    let address = free_addresses(1)?;
    let server = Running::start(&tools, &command(&options, &tools, &address[0].to_string())?, &address)?;
    println!(
        "soak: seed {}, {} min, corelay {}",
        options.seed,
        options.minutes,
        tools.version(Server::Corelay)
    );
    println!("  {}", server.command);
    let whole = Duration::from_secs_f64(options.minutes * 60.0);
    let (before, _) = soak(&server, WARM_UP_MAX.min(whole / 4), &options, &tools)?;
    let (after, status) = soak(&server, whole, &options, &tools)?;
    println!("{status}");
    before.ensure_nothing_is_kept(&after)?;
    ensure!(server.drain()?.success(), "the server did not drain");
    println!("soak: passed, seed {}", options.seed);
    Ok(())
}

/// For so long; what the server holds afterwards.
fn soak(server: &Running, time: Duration, options: &Options, tools: &Tools) -> Result<(Holdings, Status)> {
    let begun = Instant::now();
    let (report, tally) = load_and_mischief(server, time, options, tools)?;
    figures::print(&report, &tally, begun.elapsed());
    let (holdings, status) = at_rest(server)?;
    println!("at rest: {holdings}");
    check_users(&report)?;
    let wrong = tally.wrong.join("; ");
    ensure!(wrong.is_empty(), "right requests of enemies had wrong answers: {wrong}");
    Ok((holdings, status))
}

fn load_and_mischief(
    server: &Running,
    time: Duration,
    options: &Options,
    tools: &Tools,
) -> Result<(Report, Tally)> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let enemies: Vec<_> = (0..ENEMIES)
            .map(|number| {
                let mut enemy = Enemy::new(server, options.seed.wrapping_add(number));
                let is_over = &is_over;
                scope.spawn(move || enemy.works_until(is_over))
            })
            .collect();
        let report = driver::run(&plan(server, time, options), tools, None);
        is_over.store(true, Ordering::Relaxed);
        let tallies = enemies.into_iter().map(|enemy| enemy.join().expect("an enemy does not panic"));
        Ok((report?, tallies.fold(Tally::default(), Tally::plus)))
    })
}

/// What users do: short and long answers, bodies gathered and streamed, a handler that waits; some on connections they keep, some on
/// new ones.
fn plan(server: &Running, time: Duration, options: &Options) -> Plan {
    let post = |path: &str, bytes: usize| {
        let mut request = Request::new("POST", path);
        request.body = vec![b'x'; bytes];
        request
    };
    let kept = Mix::of([
        (Request::of_path("/plaintext"), 6),
        (Request::of_path("/json"), 3),
        (Request::of_path("/bytes/100000"), 1),
        (Request::of_path("/sleep/3"), 1),
        (post("/echo", 1000), 3),
        (post("/upload", 50_000), 1),
    ]);
    let mut new = Group::open("new", 8, 100.0, Mix::only("/plaintext"));
    new.requests_per_connection = Some(10);
    let mut plan = Plan::new(server.address(0));
    plan.duration = time;
    plan.drain = Duration::from_secs(20);
    plan.seed = options.seed;
    plan.groups = vec![Group::open("kept", 24, 500.0, kept), new];
    plan
}

fn command(options: &Options, tools: &Tools, address: &str) -> Result<Vec<String>> {
    let corelay = tools.program("corelay")?;
    let mut command =
        words(&[&corelay, "serve", "--engine", &options.engine, "--fault-routes", "--log", "off"]);
    for (deadline, time) in [("--head-timeout", "3s"), ("--body-timeout", "3s"), ("--write-timeout", "3s")] {
        command.extend(words(&[deadline, time]));
    }
    // Threads that wait for work soon end, so that what is kept can be told from what is lost.
    command.extend(words(&["--service-idle-timeout", "1s", "--max-idle-threads", "4", "--listen", address]));
    Ok(command)
}

/// Waits until nobody is connected and threads without work have ended.
fn at_rest(server: &Running) -> Result<(Holdings, Status)> {
    let begun = Instant::now();
    loop {
        let status = Status::of(server)?;
        if status.connections() == 1 && status.service_threads() <= status.cores() {
            return Ok((Holdings::of(server.id())?, status));
        }
        ensure!(begun.elapsed() < REST_PATIENCE, "the server does not come to rest: {status}");
        thread::sleep(LOOK_AGAIN);
    }
}

fn check_users(report: &Report) -> Result<()> {
    for group in &report.groups {
        let total = &group.total;
        let garbage = report.first_garbage.as_deref().unwrap_or("none");
        ensure!(
            total.errors.total() == 0 && total.answered == total.requests,
            "{} well-behaved requests ({}) failed: {:?}, garbage {garbage}",
            total.requests - total.answered,
            group.name,
            total.errors
        );
        ensure!(total.answered > 0, "no request was answered ({})", group.name);
    }
    report.groups.first().map(drop).context("the driver reports its groups")
}
