//! A connection's thread: reads, calls, sends, sleeps, until the connection is closed; then it waits for another one.

use super::listener::Post;
use super::seat::{Calls, Mail, Seat};
use crate::clock::{Moment, Tick};
use crate::connection::{self, CloseReason, Connection, INPUT_BYTES, Job, Next, Turn};
use crate::http::panics::caught;
use crate::protocol::Place;
use crate::tally::Tally;
use corelay_poll::{Interest, Token, Trigger};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// A read of this many bytes may have left some in the socket: half of what is read at a time, for behind part of a head or of a
/// body there is at least that much room.
pub(super) const FULL_BYTES: u64 = INPUT_BYTES as u64 / 2;
/// A message that comes in smaller pieces than this, in bytes, is not worth a thread's waking for each of them.
const SMALL_BYTES: u64 = 1024;

/// A thread, while it has a connection.
struct Client<'a> {
    post: &'a Arc<Post>,
    seat: &'a Arc<Seat>,
    token: Token,
    /// There may be something to read that was told before and will not be told again.
    unread: bool,
    /// Its connection is to move to another process.
    leaving: bool,
    /// When the message was begun for whose rest it waits, and bytes read since it was last looked at.
    message: Option<Tick>,
    last_bytes: u64,
    /// Its connection has read a whole message.
    has_served: bool,
}

/// What became of a connection that a thread had.
enum Served {
    /// Closed, or in another process.
    Gone,
    /// It waits without a thread.
    Left,
}

/// What a thread does from its first to its last.
pub(super) fn run(post: &Arc<Post>, seat: &Arc<Seat>) {
    seat.sit_down();
    serve_all(post, seat.clone());
    seat.leave_gate();
}

/// Serves one connection after the other.
fn serve_all(post: &Arc<Post>, mut own: Arc<Seat>) {
    loop {
        let mut calls = own.wait();
        let Some(Mail { token, connection, seat }) = own.mail() else {
            if calls.contains(Calls::STOP) {
                return;
            }
            continue;
        };
        let seat = match seat {
            Some(seat) => {
                seat.sit_down();
                calls = calls.and(seat.calls());
                seat
            }
            None => own.clone(),
        };
        let stays = match Client::new(post, &seat, token).serve(connection, calls) {
            Served::Gone => post.dismiss(&own, &seat, token),
            Served::Left => {
                if Arc::ptr_eq(&own, &seat) {
                    own = Arc::new(Seat::empty(&post.gate));
                    own.sit_down();
                }
                post.wait_for_another(&own)
            }
        };
        if !stays {
            return;
        }
    }
}

impl<'a> Client<'a> {
    fn new(post: &'a Arc<Post>, seat: &'a Arc<Seat>, token: Token) -> Self {
        let (unread, leaving, has_served) = (false, false, false);
        Self { post, seat, token, unread, leaving, message: None, last_bytes: 0, has_served }
    }

    /// Serves until the connection is closed, or needs no thread for a while.
    fn serve(mut self, mut connection: Connection, calls: Calls) -> Served {
        let (post, server) = (self.post, &*self.post.shared);
        let mut turn = post.turns.lend(server);
        connection.host(server, || Place { home: self.seat.clone(), token: self.token });
        self.judge(&mut turn);
        let mut next = self.look(&mut connection, calls, &mut turn);
        loop {
            if self.leaving && self.may_leave(&connection, &next) {
                match self.leave(connection, &turn) {
                    Some(back) => connection = back,
                    None => return self.gone(turn),
                }
            }
            next = match next {
                Next::Again => {
                    turn.begin(server);
                    turn.is_late(false, server);
                    let calls = self.seat.calls();
                    // This turn may be for input that is here already, and leave unread what it is told of.
                    self.unread |= calls != Calls::NONE;
                    self.look(&mut connection, calls, &mut turn)
                }
                Next::Close(reason) => {
                    let peer = connection.peer;
                    self.close(connection, reason, &mut turn);
                    self.count_out(peer, reason, &turn);
                    return self.gone(turn);
                }
                Next::Service(job) => {
                    // It may take long, and needs none of a turn's buffers.
                    post.turns.give_back(turn);
                    let peer = connection.peer;
                    let ended = self.work(connection, job);
                    turn = post.turns.lend(server);
                    match ended {
                        Ok(back) => connection = back,
                        Err(reason) => {
                            self.count_out(peer, reason, &turn);
                            return self.gone(turn);
                        }
                    }
                    connection.deadline = connection.deadline_at_home(turn.now.tick, &server.ticks);
                    Next::Again
                }
                Next::Read | Next::Write | Next::Mail { .. } => {
                    let interest = match next {
                        Next::Read => Some(Interest::READ),
                        Next::Write => Some(Interest::WRITE),
                        _ => None,
                    };
                    let now = turn.now;
                    post.turns.give_back(turn);
                    let Some(kept) = self.keep(connection, &next, now) else { return Served::Left };
                    connection = kept;
                    let waited = self.wait(&mut connection, interest);
                    turn = post.turns.lend(server);
                    self.judge(&mut turn);
                    match waited {
                        Ok(calls) => self.look(&mut connection, calls, &mut turn),
                        Err(error) => {
                            tracing::warn!(%error, "a connection could not be watched");
                            Next::Close(CloseReason::Internal)
                        }
                    }
                }
            };
        }
    }

    fn gone(&self, turn: Box<Turn>) -> Served {
        self.post.turns.give_back(turn);
        Served::Gone
    }

    /// Whether its connection may wait without a thread: it is in a message that comes in small pieces, or its process
    /// has just taken over from another one. Where its thread has served it before, one piece is none.
    fn needs_no_thread(&mut self, connection: &Connection, now: Moment) -> bool {
        let message = connection.part_since();
        let before = std::mem::replace(&mut self.message, message);
        self.has_served |= message.is_none() && self.last_bytes > 0;
        let goes_on = message.is_some() && (!self.has_served || before == message);
        let in_pieces = goes_on && self.last_bytes < SMALL_BYTES;
        (in_pieces || self.post.is_settling(now))
            && !self.leaving
            && self.post.may_wait_without_thread(connection)
    }

    /// Keeps its connection, unless that needs no thread: then it is left in its seat.
    fn keep(&mut self, connection: Connection, next: &Next, now: Moment) -> Option<Connection> {
        if matches!(next, Next::Read) && self.needs_no_thread(&connection, now) {
            self.stand_up(connection)
        } else {
            Some(connection)
        }
    }

    /// Leaves its connection in its seat. Given back: there is something to look at, or it cannot be watched.
    fn stand_up(&mut self, mut connection: Connection) -> Option<Connection> {
        if self.watch(&mut connection, Interest::READ).is_err() {
            return Some(connection);
        }
        self.publish(&connection);
        let (seat, token, is_gathered) = (None, self.token, !connection.is_idle());
        let back = self.seat.stand_up(Mail { token, connection, seat }, is_gathered)?;
        Some(back.connection)
    }

    /// Whether what is to be read has waited for the thread too long. A thread that waits alone is told by nobody, and one that is
    /// told of a deadline or of mail has kept nobody waiting.
    fn judge(&self, turn: &mut Turn) {
        let server = &self.post.shared;
        let Some(pressure) = server.pressure(self.post.number) else { return };
        let now = turn.now.nanos;
        let late = self.seat.ready_since().is_some_and(|since| pressure.is_late_since(now, since));
        turn.is_late(late, server);
    }

    /// Looks at what the thread was told to look at.
    #[inline]
    fn look(&mut self, connection: &mut Connection, calls: Calls, turn: &mut Turn) -> Next {
        let server = &self.post.shared;
        if calls.contains(Calls::STOP) {
            return Next::Close(CloseReason::CutOff);
        }
        self.unread |= calls.contains(Calls::ENDED);
        self.leaving |= calls.contains(Calls::LEAVE);
        if calls.contains(Calls::EXPIRED) && connection.deadline <= turn.now.tick {
            self.unread = true;
            return connection.expired(turn, server);
        }
        let before = turn.tally.counters.received_bytes.read();
        let next = connection.look(turn, server);
        if matches!(next, Next::Mail { .. }) {
            // What it was told of is not read.
            self.unread = true;
            return next;
        }
        self.last_bytes = turn.tally.counters.received_bytes.read().wrapping_sub(before);
        if self.last_bytes < FULL_BYTES {
            return next;
        }
        self.unread = true;
        if matches!(next, Next::Read) { Next::Again } else { next }
    }

    /// Sleeps until there is something to look at; without interest, only at mail or its deadline.
    fn wait(&mut self, connection: &mut Connection, interest: Option<Interest>) -> io::Result<Calls> {
        let post = self.post;
        let Some(interest) = interest else { return Ok(self.wait_in_seat(connection)) };
        if post.wakes_itself() {
            return self.wait_alone(connection, interest);
        }
        self.watch(connection, interest)?;
        Ok(self.wait_in_seat(connection))
    }

    /// Has the listener tell when `interest` is ready.
    fn watch(&mut self, connection: &mut Connection, interest: Interest) -> io::Result<()> {
        let post = self.post;
        if connection.registered == Interest::NONE {
            post.poller.add(&connection.socket, self.token, interest, Trigger::Edge)?;
        } else if connection.registered != interest || interest == Interest::WRITE || self.unread {
            // What is ready already is then told once more. A turn may end with room for output left.
            post.poller.modify(&connection.socket, self.token, interest, Trigger::Edge)?;
        }
        (connection.registered, self.unread) = (interest, false);
        Ok(())
    }

    #[inline]
    fn wait_in_seat(&self, connection: &Connection) -> Calls {
        self.publish(connection);
        self.seat.wait()
    }

    #[inline]
    fn publish(&self, connection: &Connection) {
        if self.seat.publish(connection.deadline) {
            self.post.watch(self.seat, self.token, connection.deadline);
        }
    }

    /// The same without the listener, who only rings for all when all is to end.
    fn wait_alone(&self, connection: &Connection, interest: Interest) -> io::Result<Calls> {
        let (post, server) = (self.post, &self.post.shared);
        let calls = self.seat.calls();
        // Once it drains, the bell rings on; and who is idle then is to be looked at now, and not later.
        let (bell, told) = if self.leaving {
            // As long as others are to leave, it rings on.
            (None, false)
        } else if server.is_draining() {
            (None, connection.is_idle())
        } else {
            (Some(&post.bell), false)
        };
        if told || calls.contains(Calls::STOP) {
            return Ok(calls);
        }
        let timeout = server.epoch.until(connection.deadline, server.clock.now());
        Ok(match connection::wait_for(&connection.socket, interest, bell, timeout) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => calls.and(Calls::EXPIRED),
            Err(error) => return Err(error),
            Ok(()) => calls.and(self.seat.calls()),
        })
    }

    /// Whether its connection can move now; not if another turn of it may bring it further than that.
    #[cold]
    fn may_leave(&mut self, connection: &Connection, next: &Next) -> bool {
        let upgrade = &self.post.shared.upgrade;
        self.leaving = upgrade.is_on();
        self.leaving
            && matches!(next, Next::Read | Next::Write | Next::Again)
            && connection.is_movable(upgrade.kinds())
    }

    /// Given back: the upgrade is off.
    #[cold]
    fn leave(&mut self, mut connection: Connection, turn: &Turn) -> Option<Connection> {
        self.unregister(&mut connection);
        self.leaving = false;
        // Before it is gone: who asks for the counts of all that has left must find it there.
        turn.tally.counters.moved_away.add(1);
        let back = self.post.shared.upgrade.leave(vec![connection]).pop();
        turn.tally.counters.moved_in.add(u64::from(back.is_some()));
        back
    }

    /// Does what other engines give to a service thread. `Err`: the connection is closed.
    fn work(&self, mut connection: Connection, job: Box<Job>) -> Result<Connection, CloseReason> {
        self.unregister(&mut connection);
        let server = &self.post.shared;
        let now = server.epoch.moment(server.clock.now());
        let mut tally = Tally::exact(server.clock.clone(), now).without_learning();
        self.seat.leave_gate();
        // Where a user's value is dropped out of turn, for a peer that is gone, its panic ends here.
        let ended = caught(|| job.run(connection, server, &mut tally));
        self.seat.come_in();
        self.post.turns.add(&tally.counters);
        ended.unwrap_or(Err(CloseReason::Internal))
    }

    /// Deletes before it closes: the poller knows the open file, not the descriptor.
    fn unregister(&self, connection: &mut Connection) {
        if connection.registered != Interest::NONE {
            connection.registered = Interest::NONE;
            if let Err(error) = self.post.poller.delete(&connection.socket) {
                tracing::warn!(%error, "a connection could not be taken from its poller");
            }
        }
    }

    fn close(&self, mut connection: Connection, reason: CloseReason, turn: &mut Turn) {
        self.unregister(&mut connection);
        // An unfinished answer may hold a user's iterator, whose drop is user code.
        connection.end(reason, &mut turn.tally);
    }

    fn count_out(&self, peer: Option<SocketAddr>, reason: CloseReason, turn: &Turn) {
        turn.tally.counters.count_close(reason);
        self.post.shared.occupancy.leave(peer);
    }
}
