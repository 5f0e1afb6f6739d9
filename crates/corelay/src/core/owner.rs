//! The thread that serves a core: wait, serve what is ready, expire what is due, again.

use super::arrivals::Arrivals;
use super::relay::{Locked, Tenure};
use super::watchdog::PUT_OFF_EVERY_NANOS;
use super::{Core, Ended, Message, State, WAKER};
use crate::clock::Tick;
use crate::config::Relay;
use crate::connection::{CloseReason, Connection, Next, Turn};
use crate::door::{Arrival, door_index, door_token, take_in};
use crate::protocol::Place;
use crate::shared::Shared;
use crate::slab::NOT_A_CONNECTION;
use crate::task::{Assignment, Task};
use corelay_poll::{Events, Interest, Token, Trigger};
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Events taken from the kernel at a time.
pub(super) const EVENTS_PER_WAIT: usize = 1024;
/// Connections accepted in one turn of a door, before others are served.
const ACCEPTS_PER_TURN: usize = 64;

/// A serving thread and the buffers it lends to each connection in hand. Buffers belong to the thread, connections to
/// the core.
///
/// While user code runs, the core may be taken by another thread. So everything that is to be done sooner or later is in the
/// core, and after user code the core is touched only through [`Owner::lock`], which says when it is lost.
pub(crate) struct Owner {
    pub(super) core: Arc<Core>,
    pub(super) server: Arc<Shared>,
    tenure: Arc<Tenure>,
    pub(super) turn: Turn,
    /// The core was taken.
    lost: bool,
    /// What it is owed by this thread, once that is out of the way.
    owed: Option<Message>,
    /// Whether the last look at the poller found enough to look again at once.
    busy: bool,
    /// When the core's watchdog is to be put off again.
    put_off_again_nanos: u64,
    arrivals: Arrivals,
    /// Whether work that waits for too long is refused.
    sheds: bool,
    /// Whether the core slept before it woke up.
    pub(super) slept: bool,
}

/// How long a core may sleep.
#[derive(Clone, Copy)]
enum Timeout {
    /// Not at all: something has its turn.
    Never,
    /// Until this tick begins.
    At(Tick),
    /// Until an event.
    None,
}

impl Owner {
    pub(crate) fn new(core: Arc<Core>, server: Arc<Shared>, tenure: Arc<Tenure>) -> Self {
        let mut turn = Turn::new(&server, tenure.clone());
        let sheds = server.pressure(core.number).is_some();
        if server.config.relay == Relay::Off || server.hosted.is_some() {
            // A protocol has no routes. And else, what would be learnt is whom not to let keep its core waiting.
            turn.tally = turn.tally.without_learning();
        }
        Self {
            core,
            server,
            tenure,
            turn,
            lost: false,
            owed: None,
            busy: false,
            put_off_again_nanos: 0,
            arrivals: Arrivals::default(),
            sheds,
            slept: true,
        }
    }

    /// Serves until the core is drained, stopped or lost.
    pub(crate) fn run(mut self) -> Ended {
        let mut events = Events::with_capacity(EVENTS_PER_WAIT);
        self.put_off_watchdog();
        // The owner before may have heard the bell and not come to it.
        self.read_inbox();
        while let Some(timeout) = self.tend() {
            if let Err(error) = self.wait(&mut events, timeout) {
                tracing::error!(%error, core = self.core.number, "a core's poller failed");
                return Ended::Finished;
            }
            self.wake_up();
            if self.sheds {
                self.begin_report(events.len());
            }
            for (index, event) in events.iter().enumerate() {
                if self.sheds {
                    self.look_at_the_clock(index);
                }
                match event.token() {
                    WAKER => self.core.inbox.bell().acknowledge(),
                    token if token.generation() == NOT_A_CONNECTION => {
                        let most = self.arrivals.accepts(ACCEPTS_PER_TURN);
                        let accepted = self.accept(door_index(token), most);
                        self.arrivals.accepted(accepted, most);
                    }
                    token => self.serve(token),
                }
                if self.lost {
                    // The rest is still ready, and will be reported to whoever has the core.
                    break;
                }
            }
            self.read_inbox();
        }
        if self.lock().is_some_and(|state| state.stopped) {
            self.cut_off();
        }
        if !self.lost {
            return Ended::Finished;
        }
        let duty = self.core.settle_accounts(&self.tenure, &self.turn.tally, &self.server);
        Ended::Lost(duty, self.owed)
    }

    /// The core, unless it is lost.
    #[inline(always)]
    pub(super) fn lock(&self) -> Option<Locked<'_, State>> {
        self.core.tenancy.lock(&self.tenure)
    }

    /// Waits for events, up to `timeout`. A core that is busy looks without waiting first: with a timeout, the kernel reads
    /// its clock before it looks, and a core that does not sleep needs no bell.
    #[inline(always)]
    fn wait(&mut self, events: &mut Events, timeout: Timeout) -> io::Result<()> {
        if self.busy || matches!(timeout, Timeout::Never) {
            let found = self.core.poller.wait(events, Some(Duration::ZERO))?;
            (self.busy, self.slept) = (found > 0, false);
            if found > 0 || matches!(timeout, Timeout::Never) {
                return Ok(());
            }
        }
        let due = if let Timeout::At(due) = timeout { Some(due) } else { None };
        let mut timeout = due.map(|due| self.server.epoch.until(due, self.turn.now.instant));
        if !self.core.inbox.prepare_to_sleep() {
            timeout = Some(Duration::ZERO);
        }
        self.core.watchdog.sleeps(true);
        let waited = self.core.poller.wait(events, timeout);
        self.core.watchdog.sleeps(false);
        self.core.inbox.woke();
        (self.busy, self.slept) = (waited? > 1, true);
        Ok(())
    }

    /// What is due besides events, and then how long nothing is; `None` when there is nothing left to serve.
    #[inline]
    fn tend(&mut self) -> Option<Timeout> {
        loop {
            let now = self.turn.now.tick;
            let (due, again, closing) = {
                let state = self.lock()?;
                if state.stopped || (state.is_finished() && self.core.is_left_alone(&self.server)) {
                    return None;
                }
                (state.next_due(), !state.again.is_empty(), state.closing.is_some())
            };
            if closing {
                self.close_doors();
                continue;
            }
            if due.is_some_and(|due| due <= now) {
                self.expire();
                continue;
            }
            if again {
                self.serve_again();
                // Who has lost the core must not even look at its poller: it would hear a bell that rings for another.
                return (!self.lost).then_some(Timeout::Never);
            }
            return Some(due.map_or(Timeout::None, Timeout::At));
        }
    }

    /// The one reading of the clock in a wake-up.
    #[inline]
    fn wake_up(&mut self) {
        let now = self.server.clock.now();
        self.turn.now = self.server.epoch.moment(now);
        self.turn.tally.wake_up(self.turn.now);
        self.turn.out.refresh_date(&*self.server.clock, self.turn.now);
        if self.turn.now.nanos >= self.put_off_again_nanos || self.core.watchdog.has_barked() {
            self.put_off_watchdog();
        }
    }

    /// A sign of life, for the monitor.
    #[cold]
    #[inline(never)]
    fn put_off_watchdog(&mut self) {
        if let Some(monitor) = &self.server.monitor {
            self.core.watchdog.put_off(monitor.nap());
            self.put_off_again_nanos = self.turn.now.nanos + PUT_OFF_EVERY_NANOS;
        } else {
            self.put_off_again_nanos = u64::MAX;
        }
    }

    /// A connection that is ready: taken out of the core, served without the core's lock, put back.
    #[inline(always)]
    fn serve(&mut self, token: Token) {
        let Some(mut connection) = self.take(token) else { return };
        let next = connection.look(&mut self.turn, &self.server);
        self.conclude(token, connection, next);
    }

    /// Takes a connection out of the core, and in hand.
    #[inline(always)]
    pub(super) fn take(&mut self, token: Token) -> Option<Connection> {
        let mut state = self.core.tenancy.lock(&self.tenure)?;
        let mut connection = state.connections.take(token)?;
        connection.turns = connection.turns.wrapping_add(1);
        state.in_hand = Some(connection.socket.as_raw_fd());
        Some(connection)
    }

    /// [`Owner::serve`] for everything but an event.
    #[inline(never)]
    pub(super) fn serve_apart(&mut self, token: Token) {
        self.serve(token);
    }

    /// Puts a connection where it waits for what it needs next.
    #[inline(always)]
    fn conclude(&mut self, token: Token, mut connection: Connection, next: Next) {
        let interest = match next {
            Next::Read => Interest::READ,
            Next::Write => Interest::WRITE,
            // Registered as it is: its turn comes without an event.
            Next::Again | Next::Mail { mute: false } => connection.registered,
            Next::Mail { mute: true } => {
                return self.put_back_mute(token, connection);
            }
            Next::Close(reason) => return self.close(token, connection, reason),
            Next::Service(job) => return self.relay(token, connection, job),
        };
        let Some(mut state) = self.core.tenancy.lock(&self.tenure) else {
            return self.send_home(token, connection);
        };
        if connection.registered != interest
            && let Err(error) = self.register(token, &mut connection, interest)
        {
            drop(state);
            return self.close_unwatched(token, connection, &error);
        }
        if matches!(next, Next::Again) {
            state.again.push_back(token);
        }
        if state.timers.due(token.slot()).is_none_or(|due| due > connection.deadline) {
            state.timers.schedule(token.slot(), connection.deadline);
        }
        let returned = state.connections.put_back(token, connection);
        debug_assert!(returned.is_ok(), "the slot of a connection in hand is reserved");
    }

    /// [`Owner::conclude`] for everything but an event.
    #[inline(never)]
    pub(super) fn conclude_apart(&mut self, token: Token, connection: Connection, next: Next) {
        self.conclude(token, connection, next);
    }

    #[cold]
    #[inline(never)]
    fn register(&self, token: Token, connection: &mut Connection, interest: Interest) -> io::Result<()> {
        if connection.registered == Interest::NONE {
            self.core.poller.add(&connection.socket, token, interest, Trigger::Level)?;
        } else {
            self.core.poller.modify(&connection.socket, token, interest, Trigger::Level)?;
        }
        connection.registered = interest;
        Ok(())
    }

    /// Deletes before it closes: the poller knows the open file, not the descriptor.
    #[inline(always)]
    pub(super) fn unregister(&self, connection: &mut Connection) {
        if connection.registered != Interest::NONE {
            connection.registered = Interest::NONE;
            if let Err(error) = self.core.poller.delete(&connection.socket) {
                tracing::warn!(%error, "a connection could not be taken from its poller");
            }
        }
    }

    /// A connection that waits for mail alone leaves the poller: muted there, it would still be reported when its peer goes.
    #[cold]
    #[inline(never)]
    fn put_back_mute(&mut self, token: Token, mut connection: Connection) {
        let Some(mut state) = self.core.tenancy.lock(&self.tenure) else {
            return self.send_home(token, connection);
        };
        state.in_hand = None;
        self.unregister(&mut connection);
        if state.timers.due(token.slot()).is_none_or(|due| due > connection.deadline) {
            state.timers.schedule(token.slot(), connection.deadline);
        }
        let _ = state.connections.put_back(token, connection);
    }

    #[cold]
    #[inline(never)]
    fn close_unwatched(&mut self, token: Token, connection: Connection, error: &io::Error) {
        tracing::warn!(%error, "a connection could not be watched");
        self.close(token, connection, CloseReason::Internal);
    }

    #[inline(always)]
    fn close(&mut self, token: Token, mut connection: Connection, reason: CloseReason) {
        match self.core.tenancy.lock(&self.tenure) {
            // From here on nobody may delete it by its number: that is about to be free for others.
            Some(mut state) => state.in_hand = None,
            None => connection.registered = Interest::NONE,
        }
        self.unregister(&mut connection);
        let peer = connection.peer;
        if connection.is_bare() {
            drop(connection);
        } else {
            // An unfinished answer may hold a user's iterator, whose drop is user code.
            connection.end(reason, &mut self.turn.tally);
        }
        self.count_out(token, peer, reason);
    }

    fn count_out(&mut self, token: Token, peer: Option<std::net::SocketAddr>, reason: CloseReason) {
        let Some(mut state) = self.core.tenancy.lock(&self.tenure) else {
            return self.lose(Some(Message::Gone(token, peer, reason)));
        };
        self.turn.tally.counters.count_close(reason);
        self.server.occupancy.leave(peer);
        self.core.load.fetch_sub(1, Ordering::Relaxed);
        state.timers.cancel(token.slot());
        state.connections.release(token);
        drop(state);
        if let Some(hosted) = &self.server.hosted
            && self.server.is_draining()
            && self.server.occupancy.open() == 0
        {
            hosted.is_done();
        }
    }

    /// The core was taken while this connection was in hand, and its answer is sent as far as the peer took it.
    #[cold]
    #[inline(never)]
    fn send_home(&mut self, token: Token, mut connection: Connection) {
        connection.registered = Interest::NONE;
        self.lose(Some(Message::Home(token, connection)));
    }

    #[cold]
    #[inline(never)]
    pub(super) fn lose(&mut self, owed: Option<Message>) {
        (self.lost, self.owed) = (true, owed);
    }

    /// Relays a connection to a service thread. Its slot is kept for its return.
    #[cold]
    fn relay(&mut self, token: Token, mut connection: Connection, job: Box<crate::connection::Job>) {
        if job.may_be_shed() && self.server.is_crowded(self.turn.now.nanos) {
            let next = connection.turn_away(job, &mut self.turn, &self.server);
            return self.conclude(token, connection, next);
        }
        let (home, server) = (self.core.clone(), self.server.clone());
        let assigned_nanos = self.turn.now.nanos;
        if let Some(mut state) = self.core.tenancy.lock(&self.tenure) {
            state.in_hand = None;
            state.timers.cancel(token.slot());
        } else {
            // This thread may wait now as well as any service thread.
            connection.registered = Interest::NONE;
            let (_, outcome) = Assignment { token, connection, job, home, server, assigned_nanos }.finish();
            return self.lose(Some(outcome.into()));
        }
        self.unregister(&mut connection);
        let assignment = Assignment { token, connection, job, home, server, assigned_nanos };
        match self.server.service.assign(Task::Connection(assignment)) {
            Ok(()) => self.turn.tally.counters.connection_relays.add(1),
            Err(Task::Connection(Assignment { mut connection, job, .. })) => {
                self.server.door.no_service_thread.add_shared(1);
                let next = connection.turn_away(job, &mut self.turn, &self.server);
                self.conclude(token, connection, next);
            }
            Err(Task::StandIn(_)) => {}
        }
    }

    /// Lets in up to `most` connections. How many there were: if it was all, more may wait.
    #[inline(always)]
    fn accept(&mut self, door: usize, most: usize) -> usize {
        for count in 0..most {
            let accepted = {
                let Some(mut state) = self.core.tenancy.lock(&self.tenure) else { return 0 };
                let Some(door) = state.doors.get_mut(door) else { return 0 };
                door.accept(&self.core.poller, self.turn.now, &self.server)
            };
            let Some(arrival) = accepted else { return count };
            if take_in(&arrival, self.turn.now.tick, &self.server) {
                self.core.load.fetch_add(1, Ordering::Relaxed);
                self.admit(arrival);
                if self.lost {
                    return 0;
                }
            }
        }
        most
    }

    /// One turn of a door, for a last look. `true`: more may wait there.
    #[inline(never)]
    fn accept_apart(&mut self, door: usize) -> bool {
        self.accept(door, ACCEPTS_PER_TURN) == ACCEPTS_PER_TURN
    }

    /// A new connection is served at once if its first request may have come with it, and else waits for it.
    #[inline(always)]
    fn admit(&mut self, arrival: Arrival) {
        self.turn.tally.counters.accepted.add(1);
        let deadline = self.turn.now.tick.after(self.server.ticks.head);
        let mut connection = Connection::arriving(arrival, deadline);
        let Some(mut state) = self.core.tenancy.lock(&self.tenure) else { return };
        let token = state.connections.reserve();
        connection.host(&self.server, || Place { home: self.core.clone(), token });
        // While the server drains all are looked at: who has sent nothing is closed. A protocol may speak first.
        if !self.arrivals.look() && !self.server.is_draining() && self.server.hosted.is_none() {
            let added = self.core.poller.add(&connection.socket, token, Interest::READ, Trigger::Level);
            if let Err(error) = added {
                drop(state);
                return self.close_unwatched(token, connection, &error);
            }
            connection.registered = Interest::READ;
            state.timers.schedule(token.slot(), deadline);
            let _ = state.connections.put_back(token, connection);
            return;
        }
        let _ = state.connections.put_back(token, connection);
        drop(state);
        let before = self.turn.tally.counters.received_bytes.read();
        self.serve_apart(token);
        self.arrivals.looked(self.turn.tally.counters.received_bytes.read() != before);
    }

    fn read_inbox(&mut self) {
        while !self.lost {
            let Some(message) = self.core.inbox.pop() else { return };
            match message {
                Message::Arrived(arrival) => self.admit(arrival),
                Message::Home(token, mut connection) => {
                    connection.deadline = connection.deadline_at_home(self.turn.now.tick, &self.server.ticks);
                    let Some(mut state) = self.core.tenancy.lock(&self.tenure) else { return };
                    let _ = state.connections.put_back(token, connection);
                    drop(state);
                    self.serve_apart(token);
                }
                Message::Gone(token, peer, reason) => self.count_out(token, peer, reason),
                Message::Passed(connection) => self.take_over(connection),
                Message::Moved(connection) => self.move_in(connection),
                Message::LetGo(most) => self.let_go(most),
                Message::Doors { open } => self.open_doors(open),
                Message::Mail(token) => self.serve_mail(token),
                Message::Errand(errand) => self.run_errand(errand),
                Message::Measure => self.measure(),
                Message::Share(share) => self.share(&share),
                Message::Bind => self.core.bind(&self.server),
                Message::Drain => {
                    // As much as the kernel's queue holds: who comes later has come too late, however many they are.
                    let turns = 1 + self.server.config.sockets.backlog as usize / ACCEPTS_PER_TURN;
                    if let Some(mut state) = self.core.tenancy.lock(&self.tenure) {
                        state.closing = Some(turns);
                    }
                }
                Message::Stop => {
                    if let Some(mut state) = self.core.tenancy.lock(&self.tenure) {
                        state.stopped = true;
                    }
                }
            }
        }
    }

    /// One turn for each connection that had more to be served when its last turn ended.
    fn serve_again(&mut self) {
        let waiting = self.lock().map_or(0, |state| state.again.len());
        for _ in 0..waiting {
            let Some(token) = self.lock().and_then(|mut state| state.again.pop_front()) else { return };
            self.serve_apart(token);
        }
    }

    fn expire(&mut self) {
        let now = self.turn.now.tick;
        while let Some((token, connection)) = self.next_expired(now) {
            self.end_of_time(token, connection);
        }
        let Some(mut state) = self.lock() else { return };
        let state = &mut *state;
        for (index, door) in state.doors.iter_mut().enumerate() {
            door.reopen_when_due(&self.core.poller, door_token(index), now);
        }
    }

    /// Takes out a connection whose timer has fired and whose deadline has really come.
    fn next_expired(&self, now: Tick) -> Option<(Token, Connection)> {
        let mut state = self.lock()?;
        let state = &mut *state;
        while let Some(slot) = state.timers.expire(now) {
            let Some(token) = state.connections.token_of(slot) else { continue };
            let Some(connection) = state.connections.take(token) else { continue };
            if connection.deadline <= now {
                state.in_hand = Some(connection.socket.as_raw_fd());
                return Some((token, connection));
            }
            // It was active since: the timer follows the deadline.
            state.timers.schedule(slot, connection.deadline);
            let _ = state.connections.put_back(token, connection);
        }
        None
    }

    fn end_of_time(&mut self, token: Token, mut connection: Connection) {
        let next = connection.expired(&mut self.turn, &self.server);
        self.conclude(token, connection, next);
    }

    /// One more turn for each door; after the last one the doors close, and every idle connection gets a last look: what
    /// has sent a request is answered, what has not is closed, by the rules of a draining server in
    /// [`Connection::serve`].
    #[cold]
    #[inline(never)]
    fn close_doors(&mut self) {
        let doors = self.lock().map_or(0, |state| state.doors.len());
        let mut more_may_wait = false;
        for door in 0..doors {
            more_may_wait |= self.accept_apart(door);
        }
        let Some(mut state) = self.core.tenancy.lock(&self.tenure) else { return };
        let turns = state.closing.unwrap_or(0);
        if more_may_wait && turns > 1 {
            state.closing = Some(turns - 1);
            return;
        }
        (state.closing, state.draining) = (None, true);
        for door in std::mem::take(&mut state.doors) {
            door.close(&self.core.poller);
        }
        let connections = &state.connections;
        let idle = |token: &Token| connections.peek(*token).is_some_and(Connection::is_idle);
        let idle: Vec<Token> = connections.tokens().filter(idle).collect();
        state.again.extend(idle);
    }

    /// Drops everything that is still in flight.
    fn cut_off(&mut self) {
        let tokens: Vec<Token> =
            self.lock().map_or_else(Vec::new, |state| state.connections.tokens().collect());
        for token in tokens {
            let Some(connection) = self.take(token) else { continue };
            self.close(token, connection, CloseReason::CutOff);
        }
    }
}
