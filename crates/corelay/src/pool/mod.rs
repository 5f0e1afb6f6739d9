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
//! Deliberately absent: relays of the pool (a handler that blocks blocks its worker, as in every pool), learnt routes,
//! balance (any worker serves any connection). Streamed bodies, `.blocking()` routes and writers go to service threads.

mod state;
mod worker;

use crate::core::Tenure;
use crate::door::{Wake, door_token};
use crate::engine::{Engine, Parts, pin_current_thread, spawn};
use crate::error::{Error, Result};
use crate::farewell::Farewells;
use crate::shared::Shared;
use crate::slab::NOT_A_CONNECTION;
use crate::status::CoreStatus;
use crate::sync::lock;
use crate::task::{Home, Outcome};
use corelay_poll::{Interest, Poller, Token, Trigger, Waker};
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
    shared: Arc<Shared>,
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
            Ok(Pool { poller, waker, state, shared: parts.shared.clone() })
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

    fn cut_off(&self) {
        lock(&self.pool.state).stop();
        self.pool.ring();
    }

    /// A connection belongs to the pool and to no worker, so each says that it has none.
    fn status(&self) -> Vec<CoreStatus> {
        let row = |(number, place): (usize, &Place)| {
            let mut status = place.tenure.counters.core_status(number, place.cpu);
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
