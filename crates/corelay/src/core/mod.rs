//! The `cores` engine: pinned threads, each serving a core.
//!
//! A [`Core`] is what can be relayed as a whole: poller, connections, timers, inbox. Its [owner](owner::Owner) is the
//! thread that serves it. The owner takes a connection *out* of the core, lets the core's lock go, and only then runs
//! user code: while a handler runs, everything but the one connection in hand is in the core, and another thread
//! could take it over, and does when the handler does not come back ([`relay`], [`monitor`], [`standin`]).

mod acceptor;
mod arrivals;
mod balance;
mod engine;
mod errands;
mod gauges;
mod inbox;
mod lateness;
mod monitor;
mod moving;
mod owner;
mod passing;
mod relay;
mod roaming;
mod standin;
#[cfg(all(test, not(loom)))]
mod tests;
mod watchdog;

pub(crate) use engine::Cores;
pub(crate) use monitor::MonitorBell;
use owner::Owner;
pub(crate) use relay::{NO_ENDPOINT, Tenure};
pub(crate) use standin::StandIn;
pub use standin::blocking;

use crate::books::Books;
use crate::clock::Tick;
use crate::connection::{CloseReason, Connection};
use crate::door::{Arrival, Door, door_token};
use crate::farewell::Farewells;
use crate::protocol::{Errand, Hail, RunErrands};
use crate::shared::Shared;
use crate::slab::{NOT_A_CONNECTION, Slab};
use crate::status::{CoreStatus, Counters, Row};
use crate::task::{Home, Outcome};
use crate::wheel::Wheel;
use balance::Share;
use corelay_poll::{Interest, Poller, Token, Trigger, Waker};
use inbox::{Bell, Inbox};
use relay::{Stay, Tenancy};
use standin::{Absent, Ended};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;
use watchdog::Watchdog;

/// In a core's row, what its owner does not count itself.
const FALSE_RELAYS: &str = "false_core_relays";
const STALLED: &str = "core_stalled_us";

const WAKER: Token = Token::new(0, NOT_A_CONNECTION);

/// What one thread serves: relayed as a whole, by reference.
pub(crate) struct Core {
    pub(crate) number: usize,
    /// The processor its owner is bound to, if it is.
    pub(crate) cpu: Option<usize>,
    poller: Poller,
    inbox: Inbox<Message, Waker>,
    tenancy: Tenancy<State>,
    books: Books,
    absent: Absent,
    farewell: Arc<Farewells>,
    watchdog: Watchdog,
    /// Takes that were needless: the old owner was back at once.
    false_relays: AtomicU64,
    /// Time it stood still for want of a thread to take it, in microseconds.
    stalled_us: AtomicU64,
    /// Its thread is not bound to its processor at present, for others use that.
    roams: AtomicBool,
    /// For how much of the last tenth of a second its owner wanted its processor, in thousandths.
    busy: AtomicU32,
    /// Connections other cores are about to pass to it.
    arriving: AtomicUsize,
    /// Connections it has or is about to get: what dispatching looks at.
    load: AtomicUsize,
    /// It is asked to let connections go, and has not come to it.
    asked: AtomicBool,
}

/// What is behind a core's lock.
struct State {
    connections: Slab<Connection>,
    timers: Wheel,
    /// Connections whose turn ended before their input did.
    again: VecDeque<Token>,
    doors: Vec<Door>,
    /// The descriptor of the connection that the owner has in hand.
    in_hand: Option<RawFd>,
    /// Turns of the doors left before they close.
    closing: Option<usize>,
    draining: bool,
    stopped: bool,
    /// The slot up to which was looked for connections that can move.
    looked_to: usize,
}

/// What other threads send to a core.
pub(crate) enum Message {
    /// A new connection, already counted in.
    Arrived(Arrival),
    /// A connection that was away on a service thread.
    Home(Token, Connection),
    /// The end of a connection that was away.
    Gone(Token, Option<SocketAddr>, CloseReason),
    /// A connection of another core's: this one has more time for it.
    Passed(Connection),
    /// A connection of another process, or one that has not left for it after all.
    Moved(Connection),
    /// Let this many connections go that can move to another process.
    LetGo(usize),
    /// Open your doors, or shut them while another process lets in.
    Doors { open: bool },
    /// The connection of this token has mail, if it is still here.
    Mail(Token),
    /// A piece of a protocol's work.
    Errand(Errand),
    /// Count from now on how often each connection is served.
    Measure,
    /// Give away part of the work, by what was counted.
    Share(Share),
    /// Be bound to your processor, or roam: it has changed.
    Bind,
    /// Accept nothing more, close what is idle, finish the rest.
    Drain,
    /// End now, whatever is in flight.
    Stop,
}

impl Bell for Waker {
    fn ring(&self) {
        if let Err(error) = self.wake() {
            tracing::error!(%error, "a core could not be woken");
        }
    }
}

impl Core {
    /// A core that is not served yet.
    pub(crate) fn new(
        number: usize,
        cpu: Option<usize>,
        doors: Vec<Door>,
        farewell: Arc<Farewells>,
    ) -> io::Result<Self> {
        let (poller, waker) = (Poller::new()?, Waker::new()?);
        poller.add(&waker, WAKER, Interest::READ, Trigger::Level)?;
        for (index, door) in doors.iter().enumerate() {
            door.open(&poller, door_token(index))?;
        }
        let state = State {
            connections: Slab::new(),
            timers: Wheel::new(),
            again: VecDeque::new(),
            doors,
            in_hand: None,
            closing: None,
            draining: false,
            stopped: false,
            looked_to: 0,
        };
        let first = Arc::new(Tenure::default());
        let books = Books::default();
        books.open(&first.counters);
        Ok(Self {
            number,
            cpu,
            poller,
            inbox: Inbox::new(waker),
            tenancy: Tenancy::new(first, state),
            books,
            absent: Absent::default(),
            farewell,
            watchdog: Watchdog::new()?,
            false_relays: AtomicU64::new(0),
            stalled_us: AtomicU64::new(0),
            roams: AtomicBool::new(false),
            busy: AtomicU32::new(0),
            arriving: AtomicUsize::new(0),
            load: AtomicUsize::new(0),
            asked: AtomicBool::new(false),
        })
    }

    /// Relays `message` to the core's owner.
    pub(crate) fn send(&self, message: Message) {
        if let Message::Arrived(..) = message {
            self.load.fetch_add(1, Ordering::Relaxed);
        }
        self.inbox.push(message);
    }

    /// Has its owner look around.
    fn wake(&self) {
        self.inbox.bell().ring();
    }

    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    pub(crate) fn status(&self) -> CoreStatus {
        let mut status = self.books.sum().core_status(self.number, self.bound_to());
        status.in_handler = self.tenancy.owner().stay().is_some();
        status.false_core_relays = self.false_relays.load(Ordering::Relaxed);
        status.core_stalled_ms = self.stalled_us.load(Ordering::Relaxed) / 1000;
        status.busy = f64::from(self.busy.load(Ordering::Relaxed)) / 1000.0;
        status
    }

    /// All it has counted, for the process after this one.
    pub(crate) fn row(&self) -> Row {
        let mut row = self.books.sum().to_row();
        row.insert(FALSE_RELAYS.into(), self.false_relays.load(Ordering::Relaxed));
        row.insert(STALLED.into(), self.stalled_us.load(Ordering::Relaxed));
        row
    }

    /// Counts on from what a core of the process before this one has counted.
    pub(crate) fn carry_over(&self, row: &Row) {
        self.books.add(&Counters::of_row(row));
        let of = |name| row.get(name).copied().unwrap_or(0);
        self.false_relays.fetch_add(of(FALSE_RELAYS), Ordering::Relaxed);
        self.stalled_us.fetch_add(of(STALLED), Ordering::Relaxed);
    }

    /// The tenure of its first owner, before anybody serves it.
    pub(crate) fn first_tenure(&self) -> Arc<Tenure> {
        self.tenancy.owner()
    }

    /// Binds the calling thread to its processor, unless it roams.
    pub(crate) fn bind(&self, server: &Shared) {
        match self.bound_to() {
            None if self.cpu.is_some() => server.service.roam(),
            cpu => crate::engine::pin_current_thread(cpu),
        }
    }

    /// Whether nobody has anything for it any more: a connection that is passed to it, or an errand.
    fn is_left_alone(&self, server: &Shared) -> bool {
        let errands = server.hosted.is_some() && server.occupancy.open() > 0;
        self.arriving.load(Ordering::SeqCst) == 0 && !errands
    }

    fn bound_to(&self) -> Option<usize> {
        self.cpu.filter(|_| !self.roams.load(Ordering::Relaxed))
    }

    /// See [`Tenancy::take`].
    fn take(&self, from: &Arc<Tenure>, stay: Stay, next: &Arc<Tenure>, end: (Instant, bool)) -> bool {
        let taken = self.tenancy.take(from, stay, next, end, |state| {
            // Deleted and not muted: a muted descriptor still reports HUP and ERR. While the old owner is in user code with
            // a connection in hand, and we have the lock, the descriptor stays open.
            if let Some(descriptor) = state.in_hand.take() {
                let _ = self.poller.delete_by_number(descriptor);
            }
            // Under the lock: before its thread can be back.
            self.absent.begin(from);
        });
        if taken {
            self.books.open(&next.counters);
            next.counters.core_relays.add(1);
        }
        taken
    }
}

impl State {
    /// When the core itself has something to do; for timers a time not after that.
    #[inline]
    fn next_due(&self) -> Option<Tick> {
        let door_due = self.doors.iter().filter_map(|door| door.paused_until).min();
        match (self.timers.earliest(), door_due) {
            (Some(timer), Some(door)) => Some(timer.min(door)),
            (timer, door) => timer.or(door),
        }
    }

    fn is_finished(&self) -> bool {
        self.draining && self.connections.len() == 0
    }
}

impl Home for Core {
    fn hear(&self, outcome: Outcome) {
        self.send(outcome.into());
    }
}

impl Hail for Core {
    fn hail(&self, token: Token) {
        self.send(Message::Mail(token));
    }

    fn core(&self) -> usize {
        self.number
    }
}

impl RunErrands for Core {
    fn run(&self, errand: Errand) {
        self.send(Message::Errand(errand));
    }

    fn look_around(&self) {
        self.wake();
    }
}

impl From<Outcome> for Message {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Home(token, connection) => Self::Home(token, connection),
            Outcome::Gone(token, peer, reason) => Self::Gone(token, peer, reason),
        }
    }
}
