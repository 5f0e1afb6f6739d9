//! The loop: tells connections what is due, waits, hands readiness to [`exchange`].
//!
//! A turn is [`Driver::turn`]. Its clock is [`Driver::now`], read after each wait and each receive, so a moment is never
//! older than the one event in hand. What is due is looked for between any two events too: a batch of a thousand answers
//! must not make an open loop late.

mod connection;
mod exchange;
mod usage;
mod watch;

use crate::link::Link;
use crate::opening;
use crate::placement::{self, Placed};
use crate::plan::{Group, Pace};
use crate::schedule::Schedule;
use crate::tally::{Tally, Times, Window};
use crate::{DriverReport, Error, ErrorKind, GroupReport, PathReport, Plan, Report};
use connection::Connection;
use corelay_poll::{Events, Interest, Poller, Timer, Token, Trigger};
use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};
use usage::Usage;
use watch::Watch;

/// Events taken in one wait.
const EVENTS: usize = 1024;

/// Bytes received at once: a larger answer takes more than one turn.
const BUFFER_BYTES: usize = 64 * 1024;

/// How often all connections are looked over for timeouts, and for a rest that is over.
const LOOK_OVER: Duration = Duration::from_millis(100);

/// The generation of a connection that was open when the run began.
const ADOPTED_GENERATION: u32 = 1;

/// The slot of the timer; connections have those from 0 on.
const TIMER: Token = Token::new(u32::MAX, 0);

/// Carries out a plan on the calling thread, and returns when it is over.
///
/// # Errors
///
/// [`Error::Plan`] if it cannot be carried out, [`Error::Placement`] if a group cannot be placed, [`Error::System`] if this machine has no descriptor for a poller. A server
/// that cannot be reached, or fails, is no error here: the report counts it.
pub fn run(plan: &Plan) -> Result<Report, Error> {
    run_and_hold(plan, || ()).map(|(report, _)| report)
}

/// The same, for who looks at the server: `opened` is called when the connections are open, the warm-up begins when it returns,
/// and when the run is over the connections are still open.
///
/// ```no_run
/// use corelay_load::{Group, Mix, Plan, run_and_hold};
///
/// let mut plan = Plan::new("127.0.0.1:8080".parse()?);
/// plan.groups.push(Group::open("paced", 10_000, 50_000.0, Mix::only("/random")));
/// let (report, held) = run_and_hold(&plan, || println!("ten thousand connections are open"))?;
/// // The server's memory with its ten thousand connections can be read here, and nothing is disturbed by that.
/// drop(held);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Those of [`run`].
pub fn run_and_hold(plan: &Plan, opened: impl FnOnce()) -> Result<(Report, Held), Error> {
    plan.check()?;
    let placed = placement::place(plan)?;
    let streams = opening::open(plan);
    opened();
    let mut driver = Driver::new(plan)?;
    driver.adopt(placed, streams)?;
    let usage = Usage::begin();
    driver.open_all();
    let mut events = Events::with_capacity(EVENTS);
    while !driver.is_done() {
        driver.turn(&mut events)?;
    }
    let (cpu_share, cpu_wait_share) = usage.shares();
    driver.give_up_the_rest();
    let report = driver.report(cpu_share, cpu_wait_share);
    Ok((report, driver.hold()))
}

/// The connections of a run that is over, still open. Dropped, they close.
#[derive(Debug)]
pub struct Held {
    links: Vec<Link>,
    poller: Poller,
}

impl Drop for Held {
    fn drop(&mut self) {
        for link in self.links.drain(..) {
            // The socket closes either way.
            let _ = link.close(&self.poller);
        }
    }
}

/// A run under way.
struct Driver<'p> {
    plan: &'p Plan,
    groups: Vec<Running<'p>>,
    connections: Vec<Connection>,
    window: Window,
    now: Instant,
    /// Connections with a request that has begun.
    busy: usize,
    next_look_over: Instant,
    poller: Poller,
    timer: Timer,
    /// What the timer is set to.
    armed: Option<Instant>,
    buffer: Vec<u8>,
}

/// A group under way.
struct Running<'p> {
    group: &'p Group,
    /// The slot of its first connection.
    first: usize,
    /// `None` in a closed loop.
    schedule: Option<Schedule>,
    /// For each path: the request, ready to send, and its counts.
    requests: Vec<Vec<u8>>,
    tallies: Vec<Tally>,
    lateness: Times,
    /// Of a group that is placed.
    watch: Option<Watch>,
}

impl<'p> Driver<'p> {
    fn new(plan: &'p Plan) -> io::Result<Self> {
        let (poller, timer) = (Poller::new()?, Timer::new()?);
        poller.add(&timer, TIMER, Interest::READ, Trigger::Level)?;
        let now = Instant::now();
        let begin = now + plan.warm_up;
        let window = Window { begin, end: begin + plan.duration };
        let mut connections = Vec::new();
        let mut groups = Vec::new();
        for (index, group) in plan.groups.iter().enumerate() {
            groups.push(Running::new(plan, index, connections.len(), now, window.end));
            connections.extend((0..group.connections).map(|number| {
                Connection::new(index, number, seed_of_connection(plan.seed, index, number), now)
            }));
        }
        let next_look_over = now + LOOK_OVER;
        let buffer = vec![0; BUFFER_BYTES];
        Ok(Self {
            plan,
            groups,
            connections,
            window,
            now,
            busy: 0,
            next_look_over,
            poller,
            timer,
            armed: None,
            buffer,
        })
    }

    /// Takes over connections that are open: for each group, those that were placed, or those that were only opened.
    fn adopt(&mut self, placed: Vec<Option<Placed>>, opened: Vec<Vec<TcpStream>>) -> io::Result<()> {
        for ((running, placed), opened) in self.groups.iter_mut().zip(placed).zip(opened) {
            let streams = match placed {
                None => opened,
                Some(Placed { streams, whence }) => {
                    running.watch = Some(Watch::new(whence));
                    streams
                }
            };
            for (slot, stream) in (running.first..).zip(streams) {
                let connection = &mut self.connections[slot];
                connection.generation = ADOPTED_GENERATION;
                let token = Token::new(slot as u32, connection.generation);
                connection.link = Some(Link::adopt(stream, token, &self.poller)?);
            }
        }
        Ok(())
    }

    /// Begins what a closed loop begins with, and to open the connections that are not.
    fn open_all(&mut self) {
        for slot in 0..self.connections.len() {
            self.advance(slot);
            self.open(slot);
        }
    }

    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        self.wait(events)?;
        for event in events.iter() {
            if event.token() == TIMER {
                self.timer.acknowledge();
                self.armed = None;
            } else {
                self.ready(event);
            }
            self.start_due();
        }
        self.start_due();
        self.watch();
        if self.now >= self.next_look_over {
            self.look_over();
        }
        Ok(())
    }

    /// Waits for readiness, for the next request that is due, or for the next look over.
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let stop = if self.now < self.window.end { self.window.end } else { self.last_moment() };
        let wake = self.next_look_over.min(stop);
        let due = self.groups.iter().filter_map(|group| group.schedule.as_ref()?.next_due()).min();
        if let Some(due) = due.filter(|&due| due < wake && self.armed != Some(due)) {
            self.timer.set_at(due)?;
            self.armed = Some(due);
        }
        self.poller.wait(events, Some(wake.saturating_duration_since(self.now)))?;
        self.now = Instant::now();
        Ok(())
    }

    /// Tells the connections whose turn it is. A busy one will look itself when it is free.
    fn start_due(&mut self) {
        for index in 0..self.groups.len() {
            let first = self.groups[index].first;
            while let Some(number) =
                self.groups[index].schedule.as_mut().and_then(|due| due.take_due(self.now))
            {
                self.advance(first + number as usize);
            }
        }
    }

    /// Has the servers' threads looked at when the measured time begins, and when it ends.
    fn watch(&mut self) {
        for watch in self.groups.iter_mut().filter_map(|running| running.watch.as_mut()) {
            watch.look(self.now, &self.window);
        }
    }

    fn look_over(&mut self) {
        self.next_look_over = self.now + LOOK_OVER;
        for slot in 0..self.connections.len() {
            if self.connections[slot].is_overdue(self.now, self.plan.timeout) {
                self.fail(slot, ErrorKind::Timeout);
            } else {
                self.connections[slot].end_rest(self.now);
                self.advance(slot);
            }
        }
    }

    fn last_moment(&self) -> Instant {
        self.window.end + self.plan.drain
    }

    fn is_done(&self) -> bool {
        self.now >= self.window.end && (self.busy == 0 || self.now >= self.last_moment())
    }

    /// Counts what is out, or was never sent though it was due.
    fn give_up_the_rest(&mut self) {
        for connection in &mut self.connections {
            let Running { group, schedule, tallies, .. } = &mut self.groups[connection.group];
            if let Some(request) = connection.current.take() {
                tallies[request.path].failed(request.due, self.now, ErrorKind::Unanswered);
            }
            while let Some(due) =
                schedule.as_ref().and_then(|schedule| schedule.due(connection.number, connection.turn))
            {
                let path = group.mix.draw(&mut connection.random);
                tallies[path].failed(due, self.now, ErrorKind::Unanswered);
                connection.turn += 1;
            }
        }
    }

    fn hold(self) -> Held {
        let links = self.connections.into_iter().filter_map(|connection| connection.link).collect();
        Held { links, poller: self.poller }
    }

    fn report(&self, cpu_share: f64, cpu_wait_share: Option<f64>) -> Report {
        let mut lateness: Option<Times> = None;
        for group in self.groups.iter().filter(|group| group.schedule.is_some()) {
            lateness.get_or_insert_with(Times::new).add(&group.lateness);
        }
        let driver = DriverReport::new(cpu_share, cpu_wait_share, lateness.map(|times| times.summary()));
        Report { groups: self.groups.iter().map(|group| self.report_of(group)).collect(), driver }
    }

    fn report_of(&self, group: &Running<'_>) -> GroupReport {
        let mut total = Tally::new();
        group.tallies.iter().for_each(|tally| total.add(tally));
        let connections = &self.connections[group.first..][..group.group.connections as usize];
        let rates = connections.iter().map(|connection| connection.answers.per_second(&self.window));
        let paths = group.group.mix.paths().zip(&group.tallies);
        GroupReport {
            name: group.group.name.clone(),
            total: total.total(&self.window),
            paths: paths
                .map(|(path, tally)| PathReport { path: path.to_owned(), total: tally.total(&self.window) })
                .collect(),
            slowest_connection_per_second: rates.fold(f64::INFINITY, f64::min),
            placement: group.watch.as_ref().map(|watch| {
                let lost =
                    connections.iter().filter(|connection| connection.generation != ADOPTED_GENERATION);
                watch.report(lost.count() as u32)
            }),
        }
    }
}

impl<'p> Running<'p> {
    fn new(plan: &'p Plan, index: usize, first: usize, start: Instant, end: Instant) -> Self {
        let group = &plan.groups[index];
        let schedule = match group.pace {
            Pace::Closed => None,
            Pace::Open { requests_per_second } => {
                Some(Schedule::even(requests_per_second, group.connections, start, end))
            }
            Pace::Poisson { requests_per_second } => {
                // No connection has this number.
                let seed = seed_of_connection(plan.seed, index, u32::MAX);
                Some(Schedule::poisson(requests_per_second, group.connections, start, end, seed))
            }
        };
        Self {
            group,
            first,
            schedule,
            requests: group.mix.paths().map(|path| group.request(path, &plan.host)).collect(),
            tallies: vec![Tally::new(); group.mix.paths().len()],
            lateness: Times::new(),
            watch: None,
        }
    }
}

/// A seed for each connection: a sequence that depends on no other connection's timing.
fn seed_of_connection(seed: u64, group: usize, number: u32) -> u64 {
    // Odd, so that no two connections of a group meet; the generator mixes the bits itself.
    let place = ((group as u64) << 32 | u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    seed ^ place
}
