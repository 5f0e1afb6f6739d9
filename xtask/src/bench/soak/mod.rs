//! `cargo xtask soak --minutes N`: everything that goes wrong, at random, for as long as one likes, beside users who notice nothing.
//!
//! ```text
//! users, three enemies: a while ─▶ at rest ─▶ (users, three enemies: an eighth of N minutes ─▶ at rest) eight times ─▶ drain
//!                                  └── what the server holds: that of the second half is not more than that of the first ──┘
//! ```
//!
//! One server, a release build; the mischief is that of `crates/corelay-cli/tests/faults`, in random doses ([`mischief`]). It fails if one
//! well-behaved request fails, if what the server holds at rest grows ([`rests`]), or if it does not drain. When what happened is in a
//! file ([`timeline`]).
//!
//! Deliberately absent: limits on memory as a whole, under which well-behaved requests rightly fail; links that lose packets.

mod enemy;
mod figures;
mod mischief;
mod options;
mod pulse;
mod rests;
mod timeline;
mod watch;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use corelay_load::{Group, Mix, Plan, Report, Request};
use corelay_poll::affinity;

use super::driver;
use super::running::{Running, free_addresses};
use super::servers::{Server, words};
use super::tools::Tools;
use enemy::{Enemy, Tally};
use figures::{Longest, Seen, Status};
use options::Options;
use pulse::pulse;
use rests::{Holdings, ensure_nothing_grows};
use timeline::Timeline;
use watch::watch;

/// Enemies at work at once.
const ENEMIES: u64 = 3;
/// After so many equal parts the server is left alone, and looked at.
const PARTS: u32 = 8;
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
    let timeline = format!("{}-{}.txt", options.engine, options.seed);
    let timeline = Timeline::create(tools.scratch("soak")?.join(timeline))?;
    println!("  when what happened: {}", timeline.path().display());
    let mut soak = Soak {
        enemies: (0..ENEMIES).map(|number| Enemy::new(&server, options.seed, number)).collect(),
        server: &server,
        tools: &tools,
        timeline,
        seed: options.seed,
    };
    soak.run(Duration::from_secs_f64(options.minutes * 60.0))?;
    ensure!(server.drain()?.success(), "the server did not drain");
    println!("soak: passed, seed {}", options.seed);
    Ok(())
}

/// What goes on from part to part.
struct Soak<'a> {
    server: &'a Running,
    tools: &'a Tools,
    timeline: Timeline,
    enemies: Vec<Enemy>,
    seed: u64,
}

impl Soak<'_> {
    fn run(&mut self, whole: Duration) -> Result<()> {
        let begun = Instant::now();
        let mut all = Seen::default();
        let first = self.part(WARM_UP_MAX.min(whole / 4), &mut all)?;
        let mut later = Vec::new();
        for _ in 0..PARTS {
            later.push(self.part(whole / PARTS, &mut all)?);
        }
        println!("in all, {:.0} s", begun.elapsed().as_secs_f64());
        all.print();
        println!("{}", Status::of(self.server)?);
        ensure_nothing_grows(first, &later)
    }

    /// For so long; what the server holds afterwards.
    fn part(&mut self, time: Duration, all: &mut Seen) -> Result<Holdings> {
        let begun = Instant::now();
        let (report, tally, longest) = self.load_and_mischief(time)?;
        self.timeline.tell(begun, "a part");
        let seen = Seen::new(&report, tally, longest);
        println!("{:.1} s: {seen}", begun.elapsed().as_secs_f64());
        check_users(&report)?;
        let wrong = seen.wrong();
        ensure!(wrong.is_empty(), "right requests of enemies had wrong answers: {wrong}");
        all.add(seen);
        let holdings = at_rest(self.server)?;
        println!("  at rest: {holdings}");
        Ok(holdings)
    }

    fn load_and_mischief(&mut self, time: Duration) -> Result<(Report, Tally, Longest)> {
        let plan = plan(self.server, time, self.seed);
        let (is_over, timeline) = (&AtomicBool::new(false), &self.timeline);
        let cpus = &affinity::usable_cpus().context("the processors of the machine")?;
        thread::scope(|scope| {
            let work = |enemy| scope.spawn(move || Enemy::works_until(enemy, timeline, is_over));
            let enemies: Vec<_> = self.enemies.iter_mut().map(work).collect();
            let address = self.server.address(0);
            let watching = scope.spawn(move || watch(address, timeline, is_over));
            let pulses: Vec<_> =
                cpus.iter().map(|cpu| scope.spawn(|| pulse(*cpu, timeline, is_over))).collect();
            let report = driver::run(&plan, self.tools, None);
            is_over.store(true, Ordering::Relaxed);
            let answer =
                watching.join().expect("the watch does not panic").context("a user had no answer")?;
            let late = pulses.into_iter().map(|pulse| pulse.join().expect("a pulse does not panic"));
            let late = late.collect::<Result<Vec<_>>>()?.into_iter().max().unwrap_or_default();
            let tallies = enemies.into_iter().map(|enemy| enemy.join().expect("an enemy does not panic"));
            let tally = tallies.fold(Tally::default(), Tally::plus);
            Ok((report?, tally, Longest { answer, late }))
        })
    }
}

/// What users do: short and long answers, bodies gathered and streamed, a handler that waits; some on connections they keep, some on
/// new ones.
fn plan(server: &Running, time: Duration, seed: u64) -> Plan {
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
    plan.seed = seed;
    plan.groups = vec![Group::open("kept", 24, 500.0, kept), new];
    plan
}

fn command(options: &Options, tools: &Tools, address: &str) -> Result<Vec<String>> {
    let corelay = tools.program("corelay")?;
    // A backtrace for each of some thousand panics would be most of what the server does, and most of its memory.
    let mut command = words(&["env", "RUST_BACKTRACE=0", &corelay, "serve", "--engine", &options.engine]);
    command.extend(words(&["--fault-routes", "--log", "off"]));
    for (deadline, time) in [("--head-timeout", "3s"), ("--body-timeout", "3s"), ("--write-timeout", "3s")] {
        command.extend(words(&[deadline, time]));
    }
    // Threads that wait for work soon end, so that what is kept can be told from what is lost.
    command.extend(words(&["--service-idle-timeout", "1s", "--max-idle-threads", "4", "--listen", address]));
    Ok(command)
}

/// Waits until nobody is connected and threads without work have ended.
fn at_rest(server: &Running) -> Result<Holdings> {
    let begun = Instant::now();
    loop {
        let status = Status::of(server)?;
        if status.connections() == 1 && status.service_threads() <= status.cores() {
            return Holdings::settled(server.id());
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
