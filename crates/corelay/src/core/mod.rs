//! The `cores` engine: pinned threads, each serving a core.
//!
//! A [`Core`] is what can be relayed as a whole: poller, connections, timers, inbox. Its [owner](owner::Owner) is the
//! thread that serves it. The owner takes a connection *out* of the core, lets the core's lock go, and only then runs
//! user code: while a handler runs, everything but the one connection in hand is in the core, and another thread
//! could take it over.

mod door;
mod inbox;
mod owner;
mod slab;
mod wheel;

use door::take_in;
pub(crate) use door::{Acceptor, Door, StopAccepting};
pub(crate) use owner::Owner;

use crate::clock::Tick;
use crate::connection::{CloseReason, Connection, Job};
use crate::http::panics::caught;
use crate::service::Work;
use crate::shared::Shared;
use crate::status::{CoreStatus, Counters};
use crate::tally::{Sequence, Tally};
use corelay_poll::{Interest, Poller, Token, Trigger, Waker};
use inbox::{Bell, Inbox};
use slab::Slab;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use wheel::Wheel;

/// Tokens of this generation are not connections: 0 is the waker, 1 and up are the doors.
const NOT_A_CONNECTION: u32 = u32::MAX;
const WAKER: Token = Token::new(0, NOT_A_CONNECTION);

/// What one thread serves: relayed as a whole, by reference.
pub(crate) struct Core {
    pub(crate) number: usize,
    /// The processor its owner is bound to, if it is.
    pub(crate) cpu: Option<usize>,
    poller: Poller,
    inbox: Inbox<Message, Waker>,
    state: Mutex<State>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) sequence: Arc<Sequence>,
    /// Connections it has or is about to get: what dispatching looks at.
    load: AtomicUsize,
}

/// What is behind a core's lock.
struct State {
    connections: Slab<Connection>,
    timers: Wheel,
    /// Connections whose turn ended before their input did.
    again: VecDeque<Token>,
    doors: Vec<Door>,
    draining: bool,
}

/// What other threads send to a core.
pub(crate) enum Message {
    /// A new connection, already counted in.
    Arrived(OwnedFd, Option<SocketAddr>),
    /// A connection that was away on a service thread.
    Home(Token, Connection),
    /// The end of a connection that was away.
    Gone(Token, Option<SocketAddr>, CloseReason),
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
    pub(crate) fn new(number: usize, cpu: Option<usize>, doors: Vec<Door>) -> io::Result<Self> {
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
            draining: false,
        };
        Ok(Self {
            number,
            cpu,
            poller,
            inbox: Inbox::new(waker),
            state: Mutex::new(state),
            counters: Arc::default(),
            sequence: Arc::default(),
            load: AtomicUsize::new(0),
        })
    }

    /// Relays `message` to the core's owner.
    pub(crate) fn send(&self, message: Message) {
        if let Message::Arrived(..) = message {
            self.load.fetch_add(1, Ordering::Relaxed);
        }
        self.inbox.push(message);
    }

    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    pub(crate) fn status(&self) -> CoreStatus {
        self.counters.core_status(self.number, self.cpu, self.sequence.in_user_code())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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

fn door_token(index: usize) -> Token {
    Token::new(u32::try_from(index + 1).unwrap_or(u32::MAX), NOT_A_CONNECTION)
}

/// A connection on its way to a service thread, and the way home.
pub(crate) struct Assignment {
    token: Token,
    connection: Connection,
    job: Box<Job>,
    home: Arc<Core>,
    server: Arc<Shared>,
}

impl Work for Assignment {
    fn run(self) -> impl FnOnce() {
        let Self { token, connection, job, home, server } = self;
        let peer = connection.peer;
        let mut tally = Tally::exact(server.clock.clone(), server.epoch.moment(server.clock.now()));
        // Where a user's value is dropped out of turn, for a peer that is gone, its panic ends here.
        let ended = caught(|| job.run(connection, &server, &mut tally));
        let message = match ended.unwrap_or(Err(CloseReason::Internal)) {
            Ok(connection) => Message::Home(token, connection),
            Err(reason) => Message::Gone(token, peer, reason),
        };
        tally.counters.add_to(&server.service_counters);
        move || home.send(message)
    }
}
