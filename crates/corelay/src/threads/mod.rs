//! The `threads` engine: a listener thread owns what waits, and each connection has an OS thread that sleeps.
//!
//! ```text
//!                 edge-triggered                     poke: a bit, and a futex
//!   poller ───────────────────────▶ listener ───────────────────────────────▶ the connection's thread
//!     ▲                               │  doors, deadlines, drain                │ reads, calls, sends, sleeps
//!     │                               └─ accepts: an idle thread, or a new one  │
//!     └────────── adds its descriptor once, deletes it when it closes ──────────┘
//! ```
//!
//! A message that comes in small pieces is put together by the listener ([`gathering`]); meanwhile its connection waits in its
//! seat without a thread ([`waiting`]), as those do that another process has given along. Where many such have something to say at once
//! they get new threads a few at a time ([`line`]).
//!
//! Where late work is refused few threads are awake at a time: who is told something waits at a [`gate`] until there is a place.
//!
//! A thread is told *what* to look at by bits in its [`Seat`](seat::Seat) and woken only if it sleeps. All of them are hints: a thread
//! that was told for nothing finds nothing to read, or a deadline that has moved. So listener and thread share no lock on
//! the way of a request. A deadline is written by the thread and read by the listener when its timer fires; only one
//! that comes *before* what the timer knows takes the listener's lock.
//!
//! Work that waits is done on the spot: a body that streams, a writer, a `.blocking()` route. The thread is there to wait.
//!
//! Buffers are a running thread's, not a sleeping one's: it borrows a [`Turn`](crate::connection::Turn) from the few that its
//! listener keeps ([`turns`]), and gives it back before it sleeps.
//!
//! With `--threads-wake blocking` the thread waits for its socket itself, in poll(2), and the listener only accepts: to compare.
//!
//! Each core has a listener of its own, pinned there with its threads; `--cores 1 --pin off` is the design as it is told.
//! Deliberately absent: relays and learnt routes. A handler that blocks keeps only its own connection waiting.

mod client;
mod crew;
mod gate;
mod gathering;
mod line;
mod listener;
mod moving;
mod seat;
mod turns;
mod waiting;

use crate::connection::Connection;
use crate::door::Wake;
use crate::engine::{Engine, Parts, pin_current_thread, spawn};
use crate::error::{Error, Result};
use crate::farewell::Farewells;
use crate::status::{CoreStatus, Counters, Row};
use listener::{Command, Listener, Post};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};

/// Sleeping threads for which the kernel gets a bucket each, 128 KiB in all; with 10,000 of them five share one. With the kernel's own
/// choice waking a thread took 0.2 ms where 10,000 slept, and one that asked waited behind all who were woken before it. With eight
/// times as many the kernel was at it for 0.1 ms, and in two of twelve tries for 4.6 (0.02 with these), in which the process that this one is to
/// replace has no processor.
const SLEEPERS: u32 = 2048;

/// The engine `threads`.
pub(crate) struct Threads {
    posts: Vec<Arc<Post>>,
    /// Whose turn it is to adopt a connection of another process.
    next: AtomicUsize,
    /// Those that are not started yet.
    listeners: Mutex<Vec<Listener>>,
    farewell: Arc<Farewells>,
}

impl Threads {
    /// Listeners with their listening sockets, not started yet.
    pub(crate) fn new(mut parts: Parts<'_>) -> Result<Self> {
        // An older kernel has one table for all processes, which is larger.
        let _ = corelay_poll::thread::expect_sleepers(SLEEPERS);
        let doors = parts.doors(parts.placement.cores.len(), Wake::Owner)?;
        let places = parts.placement.cores.iter().zip(doors).enumerate();
        let listeners = places
            .map(|(number, (cpu, doors))| {
                Listener::new((number, *cpu), doors, (&parts.shared, &parts.farewell))
            })
            .map(|listener| listener.map_err(Error::Poll))
            .collect::<Result<Vec<_>>>()?;
        let posts = listeners.iter().map(Listener::post).collect();
        let next = AtomicUsize::new(0);
        Ok(Self { posts, next, listeners: Mutex::new(listeners), farewell: parts.farewell })
    }

    fn tell(&self, command: Command) {
        self.posts.iter().for_each(|post| post.tell(command));
    }
}

impl Engine for Threads {
    fn start(&self) -> Result<()> {
        let barrier = Arc::new(Barrier::new(self.posts.len() + 1));
        for listener in std::mem::take(&mut *crate::sync::lock(&self.listeners)) {
            let (barrier, farewell) = (barrier.clone(), self.farewell.clone());
            self.farewell.expect_one();
            spawn(format!("corelay-listener-{}", listener.number()), move || {
                // The threads it starts inherit its processor.
                pin_current_thread(listener.cpu());
                barrier.wait();
                let guard = farewell.guard();
                listener.run();
                guard.finished();
            })?;
        }
        barrier.wait();
        Ok(())
    }

    fn drain(&self) {
        self.tell(Command::Drain);
    }

    fn open_doors(&self, open: bool) {
        self.tell(Command::Doors { open });
    }

    fn let_go(&self, most: usize) {
        self.posts.iter().for_each(|post| post.let_go(most.div_ceil(self.posts.len())));
    }

    fn adopt(&self, connection: Connection) {
        self.posts[self.next.fetch_add(1, Ordering::Relaxed) % self.posts.len()].adopt(connection);
    }

    fn rows(&self) -> Vec<Row> {
        self.posts.iter().map(|post| post.turns.ledger.sum().to_row()).collect()
    }

    fn carry_over(&self, rows: &[Row]) {
        for (row, post) in rows.iter().zip(self.posts.iter().cycle()) {
            post.turns.add(&Counters::of_row(row));
        }
    }

    fn cut_off(&self) {
        self.tell(Command::Stop);
    }

    fn status(&self) -> Vec<CoreStatus> {
        self.posts.iter().map(|post| post.status()).collect()
    }
}
