//! The old process's side of an upgrade: starts the new process, gives it the listeners and the connections, and takes back what
//! is not the new one's yet if that dies.

use super::channel::{Channel, Received};
use super::message::{Counts, FORMAT, Hello, Listened, Message, Moving, Ready};
use super::{Change, OnChange, Program, VARIABLE};
use crate::connection::{Connection, Kinds};
use crate::handle::Running;
use crate::http::panics::caught;
use corelay_poll::socket::DESCRIPTORS_MAX;
use corelay_poll::{Child, Events, Interest, Poller, Timer, Token, Trigger, Waker};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Connections that are under way at a time. Nobody serves them meanwhile, so they are few; and they fit into one message.
const CONNECTIONS_PER_MOVE: usize = 16;
const _: () = assert!(CONNECTIONS_PER_MOVE <= DESCRIPTORS_MAX);
/// When none could move, the engine is asked again after this long, and then after twice as long each time, up to the second.
const ASK_AGAIN: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(100)];
/// After each batch the upgrade rests so many times as long as that took: others are to have the processors most of the time.
const RESTS_PER_MOVE: u32 = 10;
/// It rests no longer than this at a time.
const REST_MAX: Duration = Duration::from_millis(20);
/// How long the new process is left alone that could not take a connection, for want of descriptors say.
const PAUSE: Duration = Duration::from_millis(100);

const CHANNEL: Token = Token::new(0, 0);
const CHILD: Token = Token::new(1, 0);
const TIMER: Token = Token::new(2, 0);
const BELL: Token = Token::new(3, 0);

/// A listener of this process, as another one can have it.
pub(crate) struct Passed {
    pub(crate) configured: String,
    pub(crate) address: String,
    pub(crate) proxied: bool,
    pub(crate) given: bool,
    pub(crate) follows: bool,
    pub(crate) sockets: Vec<OwnedFd>,
    /// Whether another process has it: then its path is not ours to remove.
    pub(crate) is_anothers: Arc<AtomicBool>,
}

/// What the supervisor tells the thread of an upgrade.
pub(crate) struct Order {
    stop: AtomicBool,
    bell: Arc<Waker>,
}

impl Order {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { stop: AtomicBool::new(false), bell: Arc::new(Waker::new()?) })
    }

    /// This process is to drain: an upgrade that has not come to the listeners is given up.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.bell.wake();
    }
}

/// How an upgrade ended.
pub(crate) enum Outcome {
    Upgraded {
        by: u32,
        /// Something is left that did not finish in time.
        cut_off: bool,
    },
    NotUpgraded {
        reason: String,
        /// The new process was told to end when it served already: so is this one.
        drain: bool,
    },
}

/// Why it did not come to an upgrade, or not to its end.
#[derive(Debug)]
enum Failure {
    Start(io::Error),
    /// The new process has ended.
    Ended,
    /// It says nothing, or takes nothing, for too long.
    Silent(&'static str),
    /// What it says makes no sense.
    Confused(String),
    /// This process is to drain.
    Stopped,
}

/// All that an upgrade needs.
pub(crate) struct Handover {
    pub(crate) running: Arc<Running>,
    /// All servers of this process, the one that is upgraded among them: their doors are shut and opened together.
    pub(crate) doors: Vec<Arc<Running>>,
    pub(crate) listeners: Vec<Arc<Vec<Passed>>>,
    pub(crate) program: Program,
    pub(crate) order: Arc<Order>,
    pub(crate) on_change: OnChange,
}

/// The new process.
struct Successor {
    child: Child,
    channel: Channel,
    poller: Poller,
    timer: Timer,
    order: Arc<Order>,
    /// It may have let in somebody: there is no stopping any more.
    has_listeners: bool,
    /// Under way to it, and not yet its own.
    uncommitted: HashMap<u64, Connection>,
    next_id: u64,
    counted: Counts,
}

impl Handover {
    /// Does it, on a thread that was never bound to a processor: the new process inherits where it may run.
    pub(crate) fn run(self) -> Outcome {
        let mut successor = match self.start() {
            Ok(successor) => successor,
            Err(error) => {
                let reason = Failure::Start(error).describe(&self.program, None);
                return Outcome::NotUpgraded { reason, drain: false };
            }
        };
        let by = successor.child.id();
        tracing::info!(program = %self.program.path.display(), pid = by, "upgrade: started");
        match self.hand_over(&mut successor) {
            Ok(finished) => Outcome::Upgraded { by, cut_off: !finished },
            Err(failure) => self.take_back(successor, &failure),
        }
    }

    fn listeners(&self) -> impl Iterator<Item = &Passed> {
        self.listeners.iter().flat_map(|listeners| listeners.iter())
    }

    fn open_doors(&self, open: bool) {
        self.doors.iter().for_each(|server| server.engine.open_doors(open));
    }

    fn start(&self) -> io::Result<Successor> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = Command::new(&self.program.path);
        command.args(&self.program.arguments).env(VARIABLE, std::process::id().to_string());
        command.stdin(Stdio::from(OwnedFd::from(theirs)));
        let (poller, timer) = (Poller::new()?, Timer::new()?);
        let answer_timeout = self.running.shared.config.upgrade.answer_timeout;
        let channel = Channel::new(ours, Some(answer_timeout))?;
        let child = Child::spawn(&mut command)?;
        poller.add(&channel, CHANNEL, Interest::READ, Trigger::Level)?;
        poller.add(&child, CHILD, Interest::READ, Trigger::Level)?;
        poller.add(&timer, TIMER, Interest::READ, Trigger::Level)?;
        poller.add(&*self.order.bell, BELL, Interest::READ, Trigger::Level)?;
        Ok(Successor {
            child,
            channel,
            poller,
            timer,
            order: self.order.clone(),
            has_listeners: false,
            uncommitted: HashMap::new(),
            next_id: 0,
            counted: Counts::default(),
        })
    }

    /// `false`: what could not move has not finished in time.
    fn hand_over(&self, successor: &mut Successor) -> Result<bool, Failure> {
        let ready = self.introduce(successor)?;
        let kinds = Kinds::named(ready.kinds.iter().map(String::as_str));
        tracing::info!(version = ready.version, "upgrade: the new process lets in who comes");
        self.open_doors(false);
        (self.on_change)(Change::Moving { to: successor.child.id() });
        // What one protocol packs is nothing to another, and nothing to HTTP.
        let same_form = ready.packed_form.as_deref() == self.running.shared.packed_form();
        let moves = same_form && kinds.takes_idle();
        if moves {
            self.running.shared.upgrade.begin(kinds, self.order.bell.clone());
            self.move_all(successor)?;
            for connection in self.running.shared.upgrade.end() {
                self.running.engine.adopt(connection);
            }
        } else {
            tracing::warn!("upgrade: the new process takes no connections: they drain");
        }
        self.count(successor)?;
        successor.say(&Message::Goodbye)?;
        for number in ready.listeners {
            if let Some(listener) = self.listeners().nth(number) {
                listener.is_anothers.store(true, Ordering::Relaxed);
            }
        }
        Ok(!moves || self.running.shared.occupancy.open() == 0)
    }

    /// Up to where the new process lets in who comes.
    fn introduce(&self, successor: &mut Successor) -> Result<Ready, Failure> {
        let shared = &self.running.shared;
        let listened = |listener: &Passed| Listened {
            configured: listener.configured.clone(),
            address: listener.address.clone(),
            proxied: listener.proxied,
            given: listener.given,
            follows: listener.follows,
        };
        successor.say(&Message::Hello(Hello {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            upgrades: shared.upgrade.before() + 1,
            listeners: self.listeners().map(listened).collect(),
            learnt_routes: shared.app.learnt_routes(),
        }))?;
        let ready_timeout = shared.config.upgrade.ready_timeout;
        let ready = match successor.receive(ready_timeout, "was not ready")?.message {
            Message::Ready(ready) if ready.format == FORMAT => ready,
            Message::Ready(ready) => {
                return Err(Failure::Confused(format!("it speaks format {}", ready.format)));
            }
            other => return Err(Failure::Confused(format!("{other:?} instead of Ready"))),
        };
        successor.has_listeners = true;
        for number in &ready.listeners {
            let sockets = self.listeners().nth(*number).map_or(&[][..], |listener| &listener.sockets);
            for sockets in sockets.chunks(DESCRIPTORS_MAX) {
                let descriptors: Vec<BorrowedFd<'_>> = sockets.iter().map(OwnedFd::as_fd).collect();
                successor.send(&Message::Listener { number: *number }, &descriptors, &[])?;
            }
        }
        self.count(successor)?;
        successor.say(&Message::Go)?;
        match successor.receive(ready_timeout, "did not listen")?.message {
            Message::Listening => Ok(ready),
            other => Err(Failure::Confused(format!("{other:?} instead of Listening"))),
        }
    }

    /// Until this process holds no connection, or may hold none for any longer.
    fn move_all(&self, successor: &mut Successor) -> Result<(), Failure> {
        let shared = &self.running.shared;
        let until = shared.clock.now() + shared.config.upgrade.timeout;
        let (mut patience, mut rest) = (ASK_AGAIN[0], Duration::ZERO);
        while shared.occupancy.open() > 0 && shared.clock.now() < until {
            let mut leaving = shared.upgrade.take(CONNECTIONS_PER_MOVE);
            if leaving.is_empty() && !rest.is_zero() {
                // Those that were asked before may come meanwhile: nobody serves them, so they do not wait.
                successor.listen(rest)?;
                leaving = shared.upgrade.take(CONNECTIONS_PER_MOVE);
            }
            let began = shared.clock.now();
            if leaving.is_empty() {
                self.running.engine.let_go(CONNECTIONS_PER_MOVE);
                leaving = shared.upgrade.take(CONNECTIONS_PER_MOVE);
            }
            if leaving.is_empty() {
                successor.listen(patience)?;
                leaving = shared.upgrade.take(CONNECTIONS_PER_MOVE);
            }
            if leaving.is_empty() {
                (patience, rest) = ((patience * 2).min(ASK_AGAIN[1]), Duration::ZERO);
            } else {
                patience = ASK_AGAIN[0];
                self.pass(successor, leaving)?;
                let took = shared.clock.now().saturating_duration_since(began);
                rest = (took * RESTS_PER_MOVE).min(REST_MAX);
            }
        }
        Ok(())
    }

    /// Passes connections on, and returns when they are the new process's.
    fn pass(&self, successor: &mut Successor, leaving: Vec<Connection>) -> Result<(), Failure> {
        let shared = &self.running.shared;
        let now = shared.epoch.moment(shared.clock.now());
        let (leaving, packed) = self.pack(leaving);
        let first = successor.next_id;
        successor.next_id += leaving.len() as u64;
        let with_id = (first..).zip(leaving);
        successor.uncommitted.extend(with_id);
        let connections = (first..successor.next_id).filter_map(|id| successor.uncommitted.get(&id));
        let (mut moving, mut descriptors, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        for ((id, connection), packed) in (first..).zip(connections).zip(&packed) {
            moving.push(Moving { id, state: connection.state(packed, now, shared) });
            descriptors.push(connection.socket.as_fd());
            bytes.push(connection.input());
            bytes.extend(connection.output());
            bytes.push(packed);
        }
        successor.send(&Message::Move { connections: moving }, &descriptors, &bytes)?;
        let answer_timeout = shared.config.upgrade.answer_timeout;
        let mut ids = match successor.receive(answer_timeout, "did not answer")?.message {
            Message::Have { ids } => ids,
            other => return Err(Failure::Confused(format!("{other:?} instead of Have"))),
        };
        ids.retain(|id| successor.uncommitted.contains_key(id));
        successor.say(&Message::Commit { ids: ids.clone() })?;
        for connection in ids.iter().filter_map(|id| successor.uncommitted.remove(id)) {
            shared.occupancy.leave(connection.peer);
            // A body may have an owner of the user's making, whose drop may panic.
            let _ = caught(|| drop(connection));
        }
        let refused: Vec<Connection> = successor.uncommitted.drain().map(|(_, refused)| refused).collect();
        if !refused.is_empty() {
            tracing::warn!(connections = refused.len(), "upgrade: the new process could not take all");
            refused.into_iter().for_each(|connection| self.running.engine.adopt(connection));
            successor.listen(PAUSE)?;
        }
        Ok(())
    }

    /// Those that their protocols let go, and what they keep; the others go on here.
    fn pack(&self, leaving: Vec<Connection>) -> (Vec<Connection>, Vec<Vec<u8>>) {
        let (mut going, mut packed) = (Vec::with_capacity(leaving.len()), Vec::with_capacity(leaving.len()));
        for mut connection in leaving {
            match connection.pack() {
                Some(kept) => {
                    going.push(connection);
                    packed.push(kept);
                }
                None => self.running.engine.adopt(connection),
            }
        }
        (going, packed)
    }

    /// Tells what was counted since it was told last.
    fn count(&self, successor: &mut Successor) -> Result<(), Failure> {
        let Running { shared, engine, .. } = &*self.running;
        let counts = Counts {
            cores: engine.rows(),
            service: shared.service_counters.to_row(),
            door: shared.door_row(),
        };
        let since = counts.since(&successor.counted);
        successor.counted = counts;
        successor.say(&Message::Counts(since))
    }

    /// Goes on as before: but first the new process must be dead for certain, for until then it may serve.
    fn take_back(&self, mut successor: Successor, failure: &Failure) -> Outcome {
        let status = successor.end(failure, self.running.shared.config.upgrade.answer_timeout);
        let left = self.running.shared.upgrade.end();
        self.open_doors(true);
        let uncommitted = successor.uncommitted.into_values();
        for connection in uncommitted.chain(left) {
            self.running.engine.adopt(connection);
        }
        let stopped = matches!(failure, Failure::Ended) && status.is_some_and(|status| status.success());
        Outcome::NotUpgraded {
            reason: failure.describe(&self.program, status),
            drain: stopped && successor.has_listeners,
        }
    }
}

impl Successor {
    fn say(&mut self, message: &Message) -> Result<(), Failure> {
        self.send(message, &[], &[])
    }

    fn send(
        &self,
        message: &Message,
        descriptors: &[BorrowedFd<'_>],
        bytes: &[&[u8]],
    ) -> Result<(), Failure> {
        self.channel.send(message, descriptors, bytes).map_err(Failure::of_channel)
    }

    /// The next message that this release knows.
    fn receive(&mut self, within: Duration, otherwise: &'static str) -> Result<Received, Failure> {
        self.timer.set_after(within).map_err(Failure::Start)?;
        let mut events = Events::with_capacity(4);
        loop {
            self.poller.wait(&mut events, None).map_err(Failure::Start)?;
            let found = |token| events.iter().any(|event| event.token() == token);
            self.heed(found(BELL))?;
            if found(CHANNEL)
                && let Some(received) = self.hear()?
            {
                return Ok(received);
            }
            if found(CHILD) {
                return Err(Failure::Ended);
            }
            if found(TIMER) {
                self.timer.acknowledge();
                return Err(Failure::Silent(otherwise));
            }
        }
    }

    /// Waits until something has left, or for so long; the new process has nothing to say meanwhile.
    fn listen(&mut self, at_most: Duration) -> Result<(), Failure> {
        self.timer.set_after(at_most).map_err(Failure::Start)?;
        let mut events = Events::with_capacity(4);
        self.poller.wait(&mut events, None).map_err(Failure::Start)?;
        let found = |token| events.iter().any(|event| event.token() == token);
        self.heed(found(BELL))?;
        if found(TIMER) {
            self.timer.acknowledge();
        }
        if found(CHILD) {
            return Err(Failure::Ended);
        }
        match if found(CHANNEL) { self.hear()? } else { None } {
            Some(Received { message, .. }) => {
                Err(Failure::Confused(format!("{message:?} without a question")))
            }
            None => Ok(()),
        }
    }

    fn heed(&self, rung: bool) -> Result<(), Failure> {
        if rung {
            self.order.bell.acknowledge();
        }
        let stop = self.order.stop.load(Ordering::Acquire) && !self.has_listeners;
        if stop { Err(Failure::Stopped) } else { Ok(()) }
    }

    /// A message, if that is what there is. At the end of all messages the process is about to end, and tells more by that.
    fn hear(&mut self) -> Result<Option<Received>, Failure> {
        match self.channel.receive() {
            Ok(Some(Received { message: Message::Unknown, .. })) => Ok(None),
            Ok(Some(received)) => Ok(Some(received)),
            Ok(None) => {
                self.poller.delete(&self.channel).map_err(Failure::Start)?;
                Ok(None)
            }
            Err(error) => Err(Failure::of_channel(error)),
        }
    }

    /// Has it end, and returns when it has: how, unless it was killed for this.
    fn end(&mut self, failure: &Failure, patience: Duration) -> Option<ExitStatus> {
        let ended = matches!(failure, Failure::Ended) && self.ends_within(patience).unwrap_or(false);
        if !ended && let Err(error) = self.child.process_mut().kill() {
            tracing::error!(%error, "upgrade: the new process could not be killed");
        }
        // Its death is certain: it was killed, or its pidfd has said so. Only this thread waits for it.
        let status = self.child.process_mut().wait().ok();
        status.filter(|_| ended)
    }

    /// Whether it ends by itself: it has closed the channel, which it does only when it ends.
    fn ends_within(&mut self, patience: Duration) -> io::Result<bool> {
        let poller = Poller::new()?;
        poller.add(&self.child, CHILD, Interest::READ, Trigger::Level)?;
        Ok(poller.wait(&mut Events::with_capacity(1), Some(patience))? > 0)
    }
}

impl Failure {
    fn of_channel(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Silent("did not take what it was sent"),
            // Its pidfd tells more, in a moment.
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => {
                Self::Ended
            }
            _ => Self::Confused(error.to_string()),
        }
    }

    fn describe(&self, program: &Program, status: Option<ExitStatus>) -> String {
        let program = program.path.display();
        match (self, status) {
            (Self::Start(error), _) => format!("cannot start {program}: {error}"),
            (Self::Ended, Some(status)) => format!("the new process has ended ({status}); its log says why"),
            (Self::Ended, None) => "the new process has ended".to_owned(),
            (Self::Silent(what), _) => format!("the new process {what} in time"),
            (Self::Confused(what), _) => format!("the new process is not understood: {what}"),
            (Self::Stopped, _) => "this process is to drain".to_owned(),
        }
    }
}

impl fmt::Debug for Handover {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Handover").field("program", &self.program).finish_non_exhaustive()
    }
}
