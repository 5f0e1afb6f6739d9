//! The loop: tells connections what is due, waits, hands readiness to [`exchange`].
//!
//! A turn is [`Driver::turn`]. Its clock is [`Driver::now`], read after each wait and each receive, so a moment is never
//! older than the one event in hand. What is due is looked for between any two events too: a batch of a thousand answers
//! must not make an open loop late.

mod connection;
mod exchange;
mod failing;
mod running;
mod usage;
mod watch;

use crate::link::Link;
use crate::opening;
use crate::placement::{self, Placed};
use crate::report::Used;
use crate::tally::Window;
use crate::{
    Distribution, DriverReport, Ending, Error, ErrorCounts, ErrorKind, Plan, Progress, Report, Stage,
};
use connection::Connection;
use corelay_poll::{Events, Interest, Poller, Timer, Token, Trigger};
use failing::Failing;
use running::{Running, seed_of_connection};
use std::io;
use std::net::TcpStream;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use usage::Usage;
use watch::Watch;

/// Events taken in one wait.
const EVENTS: usize = 1024;

/// Bytes received at once: a larger answer takes more than one turn.
const BUFFER_BYTES: usize = 64 * 1024;

/// How often all connections are looked over for timeouts, and for a rest that is over; and whoever watches is told.
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

/// The same, for who watches: `opened` is called when the connections are open, and `watch` about ten times a second from then on, and
/// while they are opened. Once it breaks, nothing new begins: what is out has the plan's drain to end, and the report is of what was
/// measured. If it breaks again, the run ends at once.
///
/// ```no_run
/// use corelay_load::{Group, Mix, Plan, run_watched};
/// use std::ops::ControlFlow;
///
/// let mut plan = Plan::new("127.0.0.1:8080".parse()?);
/// plan.groups.push(Group::closed("plain", 32, Mix::only("/plaintext")));
/// let report = run_watched(&plan, || (), |so_far| {
///     println!("{} answers", so_far.answered);
///     if so_far.answered < 1_000_000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
/// })?;
/// println!("{:?} after {:?}", report.ending, report.measured);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Those of [`run`].
pub fn run_watched(
    plan: &Plan,
    opened: impl FnOnce(),
    mut watch: impl FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Report, Error> {
    drive(plan, opened, &mut watch).map(|(report, _)| report)
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
    drive(plan, opened, &mut |_| ControlFlow::Continue(()))
}

/// Whoever watches a run, and may end it.
type Watcher<'w> = &'w mut dyn FnMut(&Progress) -> ControlFlow<()>;

fn drive(plan: &Plan, opened: impl FnOnce(), watcher: Watcher<'_>) -> Result<(Report, Held), Error> {
    plan.check()?;
    let placed = placement::place(plan)?;
    let (mut next_look, mut is_stopped) = (Instant::now(), false);
    let streams = opening::open(plan, |opened| {
        let now = Instant::now();
        if now >= next_look {
            next_look = now + LOOK_OVER;
            is_stopped = watcher(&Progress { opened, ..Progress::default() }).is_break();
        }
        !is_stopped
    });
    opened();
    let mut driver = Driver::new(plan, watcher)?;
    driver.adopt(placed, streams)?;
    if is_stopped {
        driver.end_early(Ending::Stopped);
    }
    let usage = Usage::begin();
    driver.open_all();
    let mut events = Events::with_capacity(EVENTS);
    while !driver.is_done() {
        driver.turn(&mut events)?;
    }
    let used = usage.end();
    driver.give_up_the_rest();
    Ok((driver.report(&used), driver.hold()))
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
    watcher: Watcher<'p>,
    groups: Vec<Running<'p>>,
    connections: Vec<Connection>,
    window: Window,
    now: Instant,
    /// Requests that have begun and not ended.
    busy: usize,
    next_look_over: Instant,
    poller: Poller,
    timer: Timer,
    /// What the timer is set to.
    armed: Option<Instant>,
    has_rung: bool,
    /// What is received, and what is sent of several requests.
    buffer: Vec<u8>,
    output: Vec<u8>,
    opened: u64,
    failing: Failing,
    given_up_for: ErrorCounts,
    ending: Ending,
    is_aborted: bool,
    first_garbage: Option<String>,
}

impl<'p> Driver<'p> {
    fn new(plan: &'p Plan, watcher: Watcher<'p>) -> io::Result<Self> {
        let (poller, timer) = (Poller::new()?, Timer::new()?);
        poller.add(&timer, TIMER, Interest::READ, Trigger::Level)?;
        let now = Instant::now();
        let begin = now + plan.warm_up;
        let window = Window { begin, end: begin + plan.duration };
        let mut connections = Vec::new();
        let mut groups = Vec::new();
        for (index, group) in plan.groups.iter().enumerate() {
            let running = Running::new(plan, index, connections.len(), now, window.end);
            connections.extend((0..group.connections).map(|number| {
                let seed = seed_of_connection(plan.seed, index, number);
                Connection::new(&running, (index, number), seed, now)
            }));
            groups.push(running);
        }
        Ok(Self {
            plan,
            watcher,
            groups,
            connections,
            window,
            now,
            busy: 0,
            next_look_over: now + LOOK_OVER,
            poller,
            timer,
            armed: None,
            has_rung: false,
            buffer: vec![0; BUFFER_BYTES],
            output: Vec::new(),
            opened: 0,
            failing: Failing::default(),
            given_up_for: ErrorCounts::default(),
            ending: Ending::AsPlanned,
            is_aborted: false,
            first_garbage: None,
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
                self.opened += 1;
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
                (self.armed, self.has_rung) = (None, true);
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
            (self.armed, self.has_rung) = (Some(due), false);
        } else if std::mem::take(&mut self.has_rung) {
            // Set anew, it forgets that it has rung; else it would go on ringing.
            self.timer.acknowledge();
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
        self.tell_the_watcher();
    }

    /// Tells how far it is, and ends the run early if that is wanted, or if it is of no use to go on.
    fn tell_the_watcher(&mut self) {
        let so_far = self.progress();
        if (self.watcher)(&so_far).is_break() {
            self.is_aborted = self.ending == Ending::Stopped;
            self.end_early(Ending::Stopped);
        }
        let connections = self.connections.len();
        let is_hopeless = |patience| self.failing.is_hopeless(patience, connections, self.now);
        if self.plan.give_up.is_some_and(is_hopeless) {
            self.given_up_for = self.failing.counts();
            self.end_early(Ending::GaveUp);
        }
    }

    /// Nothing new begins; what was measured ends here, and the drain begins.
    fn end_early(&mut self, ending: Ending) {
        if self.ending != Ending::AsPlanned || self.now >= self.window.end {
            return;
        }
        self.ending = ending;
        self.window.end = self.now;
        self.window.begin = self.window.begin.min(self.now);
        self.groups
            .iter_mut()
            .filter_map(|running| running.schedule.as_mut())
            .for_each(|due| due.cut(self.now));
    }

    fn progress(&self) -> Progress {
        let (mut answered, mut failed) = (0, 0);
        for tally in self.groups.iter().flat_map(|running| &running.tallies) {
            let ended = tally.ended();
            (answered, failed) = (answered + ended.0, failed + ended.1);
        }
        let stage = match self.now {
            now if now < self.window.begin => Stage::WarmUp,
            now if now < self.window.end => Stage::Measuring,
            _ => Stage::Draining,
        };
        let measured = self.now.min(self.window.end).saturating_duration_since(self.window.begin);
        Progress { stage, measured, opened: self.opened, answered, failed }
    }

    fn last_moment(&self) -> Instant {
        self.window.end + self.plan.drain
    }

    fn is_done(&self) -> bool {
        self.now >= self.window.end && (self.busy == 0 || self.now >= self.last_moment() || self.is_aborted)
    }

    /// Counts what is out, or was never sent though it was due.
    fn give_up_the_rest(&mut self) {
        for connection in &mut self.connections {
            let Running { group, schedule, tallies, .. } = &mut self.groups[connection.group];
            for request in connection.flight.drain(..) {
                tallies[request.drawn].failed(request.due, self.now, ErrorKind::Unanswered);
            }
            while let Some(due) =
                schedule.as_ref().and_then(|schedule| schedule.due(connection.number, connection.turn))
            {
                let drawn = group.mix.draw(&mut connection.random);
                tallies[drawn].failed(due, self.now, ErrorKind::Unanswered);
                connection.turn += 1;
            }
        }
    }

    fn hold(self) -> Held {
        let links = self.connections.into_iter().filter_map(|connection| connection.link).collect();
        Held { links, poller: self.poller }
    }

    fn report(&mut self, used: &Used) -> Report {
        let mut lateness: Option<Distribution> = None;
        for group in self.groups.iter().filter(|group| group.schedule.is_some()) {
            lateness.get_or_insert_default().add(&group.lateness);
        }
        let report_of = |running: &Running<'_>| {
            let connections = &self.connections[running.first..][..running.group.connections as usize];
            running.report(connections, &self.window, ADOPTED_GENERATION)
        };
        Report {
            groups: self.groups.iter().map(report_of).collect(),
            driver: DriverReport::new(used, lateness),
            ending: self.ending,
            given_up_for: self.given_up_for,
            measured: self.window.end - self.window.begin,
            first_garbage: self.first_garbage.take(),
        }
    }
}
