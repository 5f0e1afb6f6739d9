//! Threads for connections: an idle one, else a new one, else a refusal that names the limit which was hit.

use super::client;
use super::listener::Post;
use super::seat::{Mail, Seat};
use crate::clock::{Moment, Tick};
use crate::connection::Connection;
use crate::door::{Arrival, refuse};
use crate::stack;
use crate::sync::lock;
use corelay_poll::limits::{self, ThreadLimit};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Threads of connections in this process, whichever server's: what its limits count.
static THREADS: AtomicUsize = AtomicUsize::new(0);

impl Post {
    /// Gives a new connection, already counted in, a thread that waits for one; else one when its first message is here.
    pub(super) fn admit(self: &Arc<Self>, arrival: Arrival, now: Moment) {
        let connection = Connection::arriving(arrival, now.tick.after(self.shared.ticks.head));
        let waits = self.has_seats_without_threads() && lock(&self.state).idle.is_empty();
        let left = if waits { self.wait_without_thread(connection, true) } else { Some(connection) };
        if left.is_none_or(|connection| self.seat(connection, now)) {
            self.count_accepted();
        }
    }

    /// Gives a connection that is counted in a thread. `false`: there was none, and it is turned away.
    pub(super) fn seat(self: &Arc<Self>, connection: Connection, now: Moment) -> bool {
        let (token, idle) = {
            let mut state = lock(&self.state);
            let (token, idle) = (state.seats.reserve(), state.idle.pop());
            if let Some(seat) = &idle {
                let _ = state.seats.put_back(token, seat.clone());
            }
            (token, idle)
        };
        let mail = Mail { token, connection, seat: None };
        match idle {
            Some(seat) => {
                seat.is_ready_at(now.nanos);
                if seat.hand_over(mail) {
                    self.let_in(&mut vec![seat]);
                }
                true
            }
            None => self.start(mail, now),
        }
    }

    fn start(self: &Arc<Self>, mail: Mail, now: Moment) -> bool {
        let token = mail.token;
        let seat = Arc::new(Seat::new(mail, &self.gate));
        seat.is_ready_at(now.nanos);
        // Before the thread is there: it may be done before this one goes on.
        let _ = lock(&self.state).seats.put_back(token, seat.clone());
        match self.spawn(&seat) {
            Ok(()) => true,
            Err(limit) => {
                {
                    let mut state = lock(&self.state);
                    state.seats.take(token);
                    state.seats.release(token);
                }
                if let Some(Mail { connection, .. }) = seat.mail() {
                    self.turn_away(&connection, now.tick, limit);
                }
                false
            }
        }
    }

    /// Starts a thread for a seat that was told something, and has it let in.
    pub(super) fn spawn(self: &Arc<Self>, seat: &Arc<Seat>) -> Result<(), ThreadLimit> {
        seat.starts_asleep();
        let stack_bytes = self.shared.config.limits.thread_stack_bytes;
        let threads = THREADS.fetch_add(1, Ordering::Relaxed);
        let started = limits::thread_room(threads, stack_bytes).and_then(|()| {
            let (post, seat) = (self.clone(), seat.clone());
            thread::Builder::new()
                .name("corelay-client".into())
                .stack_size(stack_bytes)
                .spawn(move || {
                    stack::note(stack_bytes);
                    let guard = post.guard();
                    client::run(&post, &seat);
                    guard.lost();
                    THREADS.fetch_sub(1, Ordering::Relaxed);
                })
                .map_err(|_| limits::thread_limit())
        });
        if let Err(limit) = started {
            THREADS.fetch_sub(1, Ordering::Relaxed);
            return Err(limit);
        }
        if !self.gate.is_open() {
            self.let_in(&mut vec![seat.clone()]);
        }
        Ok(())
    }

    #[cold]
    pub(super) fn turn_away(&self, connection: &Connection, now: Tick, limit: ThreadLimit) {
        let server = &self.shared;
        server.door.no_thread.add_shared(1);
        if server.door.threads_said.may_say(now) {
            let threads = THREADS.load(Ordering::Relaxed);
            tracing::warn!(%limit, threads, "no thread for a new connection: it gets a 503, as do others until threads end");
        }
        refuse(&connection.socket, server);
        server.occupancy.leave(connection.peer);
    }
}
