//! A listener: accepts, gives each connection a thread, and from then on only tells it what to look at.

use super::gate::Gate;
use super::line::Starts;
use super::seat::{Calls, Mail, Seat};
use super::turns::Turns;
use crate::alarm::{ALARM, Alarm};
use crate::clock::Tick;
use crate::config::ThreadsWake;
use crate::door::{Door, door_index, door_token, take_in};
use crate::engine::spawn;
use crate::farewell::{Farewells, Guard};
use crate::shared::Shared;
use crate::slab::{NOT_A_CONNECTION, Slab};
use crate::status::{CoreStatus, Counters};
use crate::sync::lock;
use corelay_poll::{Event, Events, Interest, Poller, Token, Trigger, Waker};
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const WAKER: Token = Token::new(0, NOT_A_CONNECTION);
/// Events taken from the kernel at a time.
const EVENTS_PER_WAIT: usize = 1024;
/// Connections accepted in one turn of a door. Each may cost a new thread, and others are to be told meanwhile.
const ACCEPTS_PER_TURN: usize = 16;

/// What a listener and its threads share.
pub(super) struct Post {
    pub(super) number: usize,
    cpu: Option<usize>,
    pub(super) poller: Poller,
    waker: Waker,
    /// Rings on for threads that wait alone, once all is to end.
    pub(super) bell: Waker,
    pub(super) turns: Turns,
    pub(super) gate: Arc<Gate>,
    /// Until when connections of another process keep no threads, in nanoseconds of the server's epoch.
    pub(super) settled_nanos: AtomicU64,
    pub(super) state: Mutex<State>,
    pub(super) shared: Arc<Shared>,
    /// What the listener counts itself.
    counters: Arc<Counters>,
    farewell: Arc<Farewells>,
    drain: AtomicBool,
    stop: AtomicBool,
    /// Another process lets in who comes.
    shut: AtomicBool,
}

/// Behind a listener's lock. A request does not take it.
pub(super) struct State {
    /// The seats of threads that have a connection.
    pub(super) seats: Slab<Arc<Seat>>,
    /// Those of threads that wait for one.
    pub(super) idle: Vec<Arc<Seat>>,
    /// Those of connections that wait for the next thread that is free.
    pub(super) line: VecDeque<Arc<Seat>>,
    pub(super) alarm: Alarm,
    /// The doors are closed.
    draining: bool,
    /// No thread may wait for another connection.
    pub(super) ended: bool,
    /// The slot up to which threads were asked for connections that can move.
    pub(super) looked_to: usize,
}

impl State {
    /// Frees the slot of a connection that is gone from its seat.
    fn free(&mut self, seat: &Seat, token: Token) {
        self.alarm.cancel(token.slot());
        seat.leave();
        self.seats.take(token);
        self.seats.release(token);
    }

    /// Whether a thread may wait for a connection in its seat, among others of which there are `most`, or has the next one there.
    fn has_place_for(&mut self, own: &Arc<Seat>, most: usize) -> bool {
        if let Some(seat) = self.line.pop_front()
            && let Some(mail) = seat.mail()
        {
            // It is awake.
            let _ = own.hand_over(Mail { seat: Some(seat), ..mail });
            return true;
        }
        let stays = !self.ended && self.idle.len() < most;
        if stays {
            self.idle.push(own.clone());
        }
        stays
    }

    /// Whether there is nothing left to drain.
    fn is_last(&self) -> bool {
        self.draining && self.seats.len() == 0
    }
}

/// What the supervisor tells a listener.
#[derive(Clone, Copy, Debug)]
pub(super) enum Command {
    /// Accept nothing more, finish the rest.
    Drain,
    /// End now, whatever is in flight.
    Stop,
    /// Open your doors, or shut them while another process lets in.
    Doors { open: bool },
}

/// The listener's thread.
pub(super) struct Listener {
    pub(super) post: Arc<Post>,
    doors: Vec<Door>,
    /// Whom to tell what, when the batch of events is read: kept for its memory.
    pokes: Vec<(Arc<Seat>, Calls)>,
    /// Those of them that sleep.
    asleep: Vec<Arc<Seat>>,
    /// Those without a thread, which get one last, for it costs more than waking some: kept for its memory.
    threadless: Vec<Arc<Seat>>,
    starts: Starts,
    /// Those whose messages are gathered first, as long as they are to be looked at.
    pub(super) gathered: VecDeque<Arc<Seat>>,
}

impl Listener {
    pub(super) fn new(
        (number, cpu): (usize, Option<usize>),
        doors: Vec<Door>,
        (shared, farewell): (&Arc<Shared>, &Arc<Farewells>),
    ) -> io::Result<Self> {
        let (poller, waker, bell) = (Poller::new()?, Waker::new()?, Waker::new()?);
        poller.add(&waker, WAKER, Interest::READ, Trigger::Level)?;
        for (index, door) in doors.iter().enumerate() {
            door.open(&poller, door_token(index))?;
        }
        let alarm = Alarm::new(&poller, Trigger::Level)?;
        let (seats, idle, line) = (Slab::new(), Vec::new(), VecDeque::new());
        let state = State { seats, idle, line, alarm, draining: false, ended: false, looked_to: 0 };
        let turns = Turns::default();
        let counters = turns.ledger.open();
        // Threads that wait for their sockets themselves pass no gate.
        let gated = shared.pressure(number).is_some() && !wakes_itself(shared);
        let gate = Arc::new(if gated { Gate::new() } else { Gate::open() });
        let post = Arc::new(Post {
            number,
            cpu,
            poller,
            waker,
            bell,
            turns,
            gate,
            settled_nanos: AtomicU64::new(0),
            state: Mutex::new(state),
            shared: shared.clone(),
            counters,
            farewell: farewell.clone(),
            drain: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            shut: AtomicBool::new(false),
        });
        let (pokes, asleep, threadless) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { post, doors, pokes, asleep, threadless, starts: Starts::NONE, gathered: VecDeque::new() })
    }

    pub(super) fn post(&self) -> Arc<Post> {
        self.post.clone()
    }

    pub(super) fn number(&self) -> usize {
        self.post.number
    }

    pub(super) fn cpu(&self) -> Option<usize> {
        self.post.cpu
    }

    /// Listens until drained or stopped.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_PER_WAIT);
        self.post.start_usher();
        while !self.is_finished() {
            let at_once = (!self.gathered.is_empty()).then_some(Duration::ZERO);
            if let Err(error) = self.post.poller.wait(&mut events, at_once.or(self.starts.patience())) {
                tracing::error!(%error, listener = self.post.number, "a listener's poller failed");
                break;
            }
            self.post.counters.wake_ups.add(1);
            self.post.gate.let_in_more().iter().for_each(|seat| seat.wake());
            self.starts.begin_turn(&self.post);
            self.tell_threads(&events);
            self.gather();
            for event in events.iter().filter(|event| event.token().generation() == NOT_A_CONNECTION) {
                match event.token() {
                    WAKER => self.heed(),
                    ALARM => self.look_at_deadlines(),
                    door => self.accept(door_index(door), ACCEPTS_PER_TURN),
                }
            }
            if self.post.drain.swap(false, Ordering::SeqCst) {
                self.close_doors();
            }
        }
        self.post.end();
    }

    /// Pokes the threads of all connections that are ready. First all are looked up, then all are poked: the lock is held for
    /// the one, and system calls are made for the other.
    fn tell_threads(&mut self, events: &Events) {
        let server = &self.post.shared;
        let sheds = server.pressure(self.post.number).is_some();
        let now = sheds.then(|| server.epoch.moment(server.clock.now()).nanos);
        {
            let state = lock(&self.post.state);
            for event in events.iter().filter(|event| event.token().generation() != NOT_A_CONNECTION) {
                if let Some(seat) = state.seats.peek(event.token()) {
                    now.into_iter().for_each(|now| seat.is_ready_at(now));
                    self.pokes.push((seat.clone(), calls_of(event)));
                }
            }
        }
        self.poke();
    }

    fn poke(&mut self) {
        for (seat, calls) in self.pokes.drain(..) {
            if seat.tell(calls) {
                self.asleep.push(seat);
            } else if seat.claim() {
                if seat.is_gathered() {
                    self.gathered.push_back(seat);
                } else {
                    self.threadless.push(seat);
                }
            }
        }
        self.post.let_in(&mut self.asleep);
        self.threadless.drain(..).for_each(|seat| self.starts.find_thread(&seat, &self.post));
    }

    /// It was rung for: its doors may have to be opened or shut.
    fn heed(&mut self) {
        self.post.waker.acknowledge();
        let shut = self.post.shut.load(Ordering::SeqCst);
        for (index, door) in self.doors.iter_mut().enumerate() {
            door.shut(shut, &self.post.poller, door_token(index));
        }
    }

    fn look_at_deadlines(&mut self) {
        let post = &*self.post;
        let now = post.shared.epoch.moment(post.shared.clock.now()).tick;
        {
            let state = &mut *lock(&post.state);
            state.alarm.went_off(&post.poller);
            while let Some(slot) = state.alarm.expire(now) {
                let seat = state.seats.token_of(slot).and_then(|token| state.seats.peek(token));
                let Some(seat) = seat else { continue };
                let deadline = seat.fired();
                if deadline <= now {
                    self.pokes.push((seat.clone(), Calls::EXPIRED));
                } else {
                    seat.is_watched(deadline);
                    state.alarm.watch(slot, deadline, &post.shared);
                }
            }
            for (index, door) in self.doors.iter_mut().enumerate() {
                door.reopen_when_due(&post.poller, door_token(index), now);
            }
            state.alarm.set(self.doors.iter().filter_map(|door| door.paused_until).min(), &post.shared);
        }
        self.poke();
    }

    /// One turn of a door.
    fn accept(&mut self, door: usize, accepts: usize) {
        let (post, server) = (&self.post, &self.post.shared);
        let Some(door) = self.doors.get_mut(door) else { return };
        let now = server.epoch.moment(server.clock.now());
        for _ in 0..accepts {
            let Some(arrival) = door.accept(&post.poller, now, server) else { break };
            if take_in(&arrival, now.tick, server) {
                post.admit(arrival, now);
            }
        }
        lock(&post.state).alarm.set(door.paused_until, server);
    }

    /// What waits at the doors is let in, as much as the kernel's queue holds: who comes later has come too late. Then
    /// every thread is told to look around, and those that find nothing to do close.
    fn close_doors(&mut self) {
        let backlog = self.post.shared.config.sockets.backlog as usize;
        for door in 0..self.doors.len() {
            self.accept(door, backlog);
        }
        for door in self.doors.drain(..) {
            door.close(&self.post.poller);
        }
        self.post.tell_all(Calls::LOOK);
        lock(&self.post.state).draining = true;
    }

    fn is_finished(&self) -> bool {
        if self.post.stop.load(Ordering::SeqCst) {
            return true;
        }
        lock(&self.post.state).is_last()
    }
}

impl Post {
    pub(super) fn tell(&self, command: Command) {
        match command {
            Command::Drain => self.drain.store(true, Ordering::SeqCst),
            Command::Stop => self.stop.store(true, Ordering::SeqCst),
            Command::Doors { open } => {
                self.shut.store(!open, Ordering::SeqCst);
                if open {
                    // It was rung for threads that wait alone.
                    self.bell.acknowledge();
                }
            }
        }
        self.ring();
    }

    /// Whether its threads wait for their sockets themselves. A protocol's do not: their mail comes by the seat.
    pub(super) fn wakes_itself(&self) -> bool {
        wakes_itself(&self.shared)
    }

    /// Wakes those of threads that sleep and have been told something for which there are places; the others wait.
    pub(super) fn let_in(&self, asleep: &mut Vec<Arc<Seat>>) {
        if asleep.is_empty() {
            return;
        }
        self.gate.admit(asleep, || self.shared.clock.now());
        asleep.drain(..).for_each(|seat| seat.wake());
    }

    /// By the listener's thread: its usher wants the same processor. Without one nobody may be kept waiting.
    fn start_usher(self: &Arc<Self>) {
        if self.gate.is_open() {
            return;
        }
        // What is ready is late from when the listener has found it so.
        if let Err(error) = corelay_poll::thread::raise_priority_alone(corelay_poll::thread::current()) {
            tracing::debug!(%error, "a listener has the priority of its threads: what is late may be found late");
        }
        let post = self.clone();
        let started = spawn(format!("corelay-usher-{}", self.number), move || {
            if let Err(error) = corelay_poll::thread::lower_priority(corelay_poll::thread::current()) {
                tracing::debug!(%error, "an usher has the priority of all others: more threads than needed will be awake");
            }
            post.gate.usher().run(|| post.ring());
        });
        if let Err(error) = started {
            tracing::warn!(%error, "no usher: threads are awake without limit");
            self.gate.open_up().iter().for_each(|seat| seat.wake());
        }
    }

    fn ring(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "a listener could not be woken");
        }
    }

    /// Tells every thread that has a connection.
    fn tell_all(self: &Arc<Self>, calls: Calls) {
        let seats: Vec<Arc<Seat>> = {
            let state = lock(&self.state);
            state.seats.tokens().filter_map(|token| state.seats.peek(token).cloned()).collect()
        };
        seats.iter().for_each(|seat| seat.poke(calls));
        seats.iter().for_each(|seat| self.start_if_needed(seat));
        if self.wakes_itself() {
            let _ = self.bell.wake();
        }
    }

    /// The listener is done: no thread waits for a connection any more, and one that has one is told to end.
    fn end(self: &Arc<Self>) {
        let (idle, line) = {
            let mut state = lock(&self.state);
            state.ended = true;
            (std::mem::take(&mut state.idle), std::mem::take(&mut state.line))
        };
        self.gate.open_up().iter().for_each(|seat| seat.wake());
        self.gate.usher().end();
        idle.iter().for_each(|seat| seat.poke(Calls::STOP));
        self.tell_all(Calls::STOP);
        for seat in line {
            self.start_late(&seat);
        }
    }

    /// For a thread of a connection: its panic is the end of the process.
    pub(super) fn guard(&self) -> Guard {
        self.farewell.guard()
    }

    pub(super) fn count_accepted(&self) {
        self.counters.accepted.add(1);
    }

    /// By a thread that is about to sleep: its connection's deadline comes before the timer would look.
    #[cold]
    pub(super) fn watch(&self, seat: &Seat, token: Token, deadline: Tick) {
        let mut state = lock(&self.state);
        seat.is_watched(deadline);
        state.alarm.watch(token.slot(), deadline, &self.shared);
    }

    /// By a thread whose connection, that of `seat`, is closed. Whether it may wait in its own for another one.
    pub(super) fn dismiss(&self, own: &Arc<Seat>, seat: &Seat, token: Token) -> bool {
        let (stays, last) = {
            let mut state = lock(&self.state);
            state.free(seat, token);
            (state.has_place_for(own, self.shared.config.limits.max_idle_threads), state.is_last())
        };
        if last {
            self.ring();
        }
        stays
    }

    /// By a thread that has left its connection. Whether it may wait for another one.
    pub(super) fn wait_for_another(&self, own: &Arc<Seat>) -> bool {
        lock(&self.state).has_place_for(own, self.shared.config.limits.max_idle_threads)
    }

    /// The connection of this seat is gone, and no thread sits there.
    pub(super) fn free(&self, seat: &Seat, token: Token) {
        let last = {
            let mut state = lock(&self.state);
            state.free(seat, token);
            state.is_last()
        };
        if last {
            self.ring();
        }
    }

    pub(super) fn status(&self) -> CoreStatus {
        let mut status = self.turns.ledger.sum().core_status(self.number, self.cpu);
        status.in_handler = self.turns.lent() > 0;
        status
    }
}

/// Whether threads wait for their sockets themselves.
fn wakes_itself(shared: &Shared) -> bool {
    shared.config.threads_wake == ThreadsWake::Blocking && shared.hosted.is_none()
}

/// What a thread is told of an event on its socket.
fn calls_of(event: Event) -> Calls {
    if event.is_read_closed() || event.is_closed() { Calls::LOOK.and(Calls::ENDED) } else { Calls::LOOK }
}
