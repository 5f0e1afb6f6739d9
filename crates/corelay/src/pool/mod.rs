//! The `pool` engine: workers that share one poller, the canonical design that the other two are compared with.
//!
//! ```text
//!                     one-shot events                       the pool, behind one lock
//!   poller ◀───────────────────────────── every worker ───▶ slots, deadlines, doors, what is ready
//!      │  wait, many at once                    ▲  │ takes one thing out, lets the lock go, serves it,
//!      └────────────────────────────────────────┘  │ arms it again, puts it back
//!                                                  └─▶ handler: while it runs, this worker has nothing else in hand
//! ```
//!
//! Every descriptor is armed for one report and armed again by whoever has served it: of the workers that wait, one hears of it.
//! It is armed *before* its connection is back in its slot, so that no system call is made under the lock. A worker that
//! gets the event in between finds the slot away and leaves a note ([`Slab::call`]); who puts the connection back
//! serves it again.
//!
//! What a worker takes from the kernel at a time goes to a queue that all share, and it takes one piece of work from there at
//! a time: what was reported together does not wait for one worker's handler while others sleep. A worker rings for another
//! only if there is more than it can take in hand and somebody sleeps.
//!
//! An upgrade leaves what it has for the workers in an inbox ([`moving`]).
//!
//! Deliberately absent: relays of the pool (a handler that blocks blocks its worker, as in every pool), learnt routes,
//! balance (any worker serves any connection). Streamed bodies, `.blocking()` routes and writers go to service threads.

mod moving;
mod state;
mod worker;

use crate::books::Books;
use crate::connection::Connection;
use crate::core::Tenure;
use crate::door::{Wake, door_token};
use crate::engine::{Engine, Parts, pin_current_thread, spawn};
use crate::error::{Error, Result};
use crate::farewell::Farewells;
use crate::protocol::Hail;
use crate::shared::Shared;
use crate::slab::NOT_A_CONNECTION;
use crate::status::{CoreStatus, Counters, Row};
use crate::sync::lock;
use crate::task::{Home, Outcome};
use corelay_poll::{Interest, Poller, Token, Trigger, Waker};
use moving::Inbox;
use state::State;
use std::io;
use std::sync::{Arc, Barrier, Mutex};
use worker::Worker;

const WAKER: Token = Token::new(0, NOT_A_CONNECTION);

/// What all workers share.
pub(crate) struct Pool {
    poller: Poller,
    waker: Waker,
    state: Mutex<State>,
    inbox: Mutex<Inbox>,
    shared: Arc<Shared>,
    /// What no worker counts: connections that move, and what the process before this one has counted.
    books: Books,
}

/// The engine `pool`.
pub(crate) struct Workers {
    pool: Arc<Pool>,
    /// One a worker.
    places: Vec<Place>,
    farewell: Arc<Farewells>,
}

/// A worker's processor, and its books.
struct Place {
    cpu: Option<usize>,
    tenure: Arc<Tenure>,
}

impl Workers {
    /// A pool with its listening sockets, and no workers yet.
    pub(crate) fn new(mut parts: Parts<'_>) -> Result<Self> {
        let doors = parts.doors(1, Wake::Once)?.pop().unwrap_or_default();
        let make = || -> io::Result<Pool> {
            let (poller, waker) = (Poller::new()?, Waker::new()?);
            poller.add(&waker, WAKER, Interest::READ, Trigger::OneShot)?;
            for (index, door) in doors.iter().enumerate() {
                door.open(&poller, door_token(index))?;
            }
            let state = Mutex::new(State::new(&poller, doors)?);
            let (inbox, books) = (Mutex::default(), Books::default());
            Ok(Pool { poller, waker, state, inbox, shared: parts.shared.clone(), books })
        };
        let pool = Arc::new(make().map_err(Error::Poll)?);
        let cpus = parts.placement.cores.iter();
        let places = cpus.map(|cpu| Place { cpu: *cpu, tenure: Arc::default() }).collect();
        Ok(Self { pool, places, farewell: parts.farewell })
    }
}

impl Engine for Workers {
    fn start(&self) -> Result<()> {
        let barrier = Arc::new(Barrier::new(self.places.len() + 1));
        for (number, place) in self.places.iter().enumerate() {
            let (pool, tenure, cpu) = (self.pool.clone(), place.tenure.clone(), place.cpu);
            let (barrier, farewell) = (barrier.clone(), self.farewell.clone());
            self.farewell.expect_one();
            spawn(format!("corelay-worker-{number}"), move || {
                pin_current_thread(cpu);
                barrier.wait();
                let guard = farewell.guard();
                Worker::new(pool, tenure).run();
                guard.finished();
            })?;
        }
        barrier.wait();
        Ok(())
    }

    fn drain(&self) {
        lock(&self.pool.state).close_doors();
        self.pool.ring();
    }

    fn open_doors(&self, open: bool) {
        lock(&self.pool.state).open_doors(open, &self.pool.poller);
    }

    fn let_go(&self, most: usize) {
        self.pool.let_go(most);
    }

    fn adopt(&self, connection: Connection) {
        self.pool.adopt(connection);
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.places.iter().map(|place| place.tenure.counters.to_row()).collect();
        rows.push(self.pool.books.sum().to_row());
        rows
    }

    fn carry_over(&self, rows: &[Row]) {
        rows.iter().for_each(|row| self.pool.books.add(&Counters::of_row(row)));
    }

    fn cut_off(&self) {
        lock(&self.pool.state).stop();
        self.pool.ring();
    }

    /// A connection belongs to the pool and to no worker, so each says that it has none. What no worker has counted is
    /// added to the first.
    fn status(&self) -> Vec<CoreStatus> {
        let row = |(number, place): (usize, &Place)| {
            let sum = Counters::default();
            place.tenure.counters.add_to(&sum);
            if number == 0 {
                self.pool.books.sum().add_to(&sum);
            }
            let mut status = sum.core_status(number, place.cpu);
            status.connections = 0;
            status.in_handler = place.tenure.stay().is_some();
            status
        };
        self.places.iter().enumerate().map(row).collect()
    }
}

impl Pool {
    /// Wakes a worker that sleeps, if one does.
    fn ring(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "a worker could not be woken");
        }
    }
}

impl Hail for Pool {
    fn hail(&self, token: Token) {
        let mut state = lock(&self.state);
        state.look_at(token);
        let ring = state.wants_another_worker();
        drop(state);
        if ring {
            self.ring();
        }
    }

    fn core(&self) -> usize {
        0
    }
}

impl Home for Pool {
    fn hear(&self, outcome: Outcome) {
        let now = self.shared.epoch.moment(self.shared.clock.now()).tick;
        let mut state = lock(&self.state);
        match outcome {
            Outcome::Home(token, mut connection) => {
                connection.deadline = connection.deadline_at_home(now, &self.shared.ticks);
                state.come_home(token, connection);
            }
            Outcome::Gone(token, peer, reason) => state.has_gone(token, peer, reason),
        }
        let ring = state.wants_another_worker();
        drop(state);
        if ring {
            self.ring();
        }
    }
}
