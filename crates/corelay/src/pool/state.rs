//! What is behind the pool's lock, and the choice of what a worker does next.

use crate::alarm::{ALARM, Alarm};
use crate::clock::Tick;
use crate::connection::{CloseReason, Connection, Kinds};
use crate::door::{Door, door_index, door_token};
use crate::shared::Shared;
use crate::slab::{NOT_A_CONNECTION, Slab};
use corelay_poll::{Interest, Poller, Token, Trigger};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

/// Slots that are looked at for connections that can move, at a time: the lock is held for it.
const SLOTS_PER_LOOK: usize = 4096;

pub(super) struct State {
    connections: Slab<Connection>,
    alarm: Alarm,
    /// `None`: in a worker's hands, or closed.
    doors: Vec<Option<Door>>,
    /// Doors that are not closed.
    doors_open: usize,
    /// Work that waits for a worker.
    ready: VecDeque<Item>,
    /// Connections whose turn ended before their input did: what the poller has to report comes first.
    again: Vec<Token>,
    /// Workers that wait in the poller, or are about to.
    sleepers: usize,
    /// Another process lets in who comes.
    shut: bool,
    /// The slot up to which was looked for connections that can move.
    looked_to: usize,
    /// The doors are to be closed.
    closing: bool,
    /// They are closed: when the last connection is gone, all is done.
    draining: bool,
    /// All ends now: what is still here is cut off.
    stopped: bool,
}

enum Item {
    /// Reported by the poller, or as good as.
    Event(Token),
    /// Its deadline may have come.
    Expired(Token),
    /// It was closed on a service thread.
    Gone(Token, Option<SocketAddr>, CloseReason),
}

/// What a worker does next, with all that it needs for it in hand.
pub(super) enum Work {
    Serve(Token, Connection),
    Expire(Token, Connection),
    CountOut(Token, Option<SocketAddr>, CloseReason),
    CutOff(Token, Connection),
    LetIn {
        index: usize,
        door: Door,
        /// And close it then.
        last: bool,
    },
    LookAtDeadlines,
    /// Ask the poller without waiting: nothing else is left but another turn for those that had one.
    LookAround,
    Sleep,
    End,
}

impl State {
    pub(super) fn new(poller: &Poller, doors: Vec<Door>) -> io::Result<Self> {
        Ok(Self {
            connections: Slab::new(),
            alarm: Alarm::new(poller, Trigger::OneShot)?,
            doors_open: doors.len(),
            doors: doors.into_iter().map(Some).collect(),
            ready: VecDeque::new(),
            again: Vec::new(),
            sleepers: 0,
            shut: false,
            looked_to: 0,
            closing: false,
            draining: false,
            stopped: false,
        })
    }

    pub(super) fn next(&mut self) -> Work {
        while let Some(item) = self.ready.pop_front() {
            if let Some(work) = self.work(item) {
                return work;
            }
        }
        if !self.again.is_empty() {
            return Work::LookAround;
        }
        if self.stopped || self.is_finished() {
            return Work::End;
        }
        self.sleepers += 1;
        Work::Sleep
    }

    fn work(&mut self, item: Item) -> Option<Work> {
        match item {
            Item::Gone(token, peer, reason) => Some(Work::CountOut(token, peer, reason)),
            Item::Event(ALARM) => Some(Work::LookAtDeadlines),
            Item::Event(token) if token.generation() == NOT_A_CONNECTION => {
                let index = door_index(token);
                let door = self.doors.get_mut(index)?.take()?;
                Some(Work::LetIn { index, door, last: self.closing })
            }
            Item::Event(token) if self.stopped => Some(Work::CutOff(token, self.connections.take(token)?)),
            Item::Event(token) => Some(Work::Serve(token, self.connections.call(token)?)),
            Item::Expired(token) => Some(Work::Expire(token, self.connections.take(token)?)),
        }
    }

    /// Whether a worker that sleeps should be woken.
    pub(super) fn wants_another_worker(&self) -> bool {
        let work = !self.ready.is_empty() || !self.again.is_empty();
        self.sleepers > 0 && (work || self.stopped || self.is_finished())
    }

    /// A worker is back from the poller, where it slept or only looked around.
    pub(super) fn report(&mut self, slept: bool, reported: impl Iterator<Item = Token>) {
        self.sleepers -= usize::from(slept);
        self.ready.extend(reported.map(Item::Event));
        self.ready.extend(self.again.drain(..).map(Item::Event));
    }

    /// A new connection, to be served.
    pub(super) fn admit(&mut self, connection: Connection) {
        let token = self.connections.reserve();
        let _ = self.connections.put_back(token, connection);
        self.ready.push_back(Item::Event(token));
    }

    /// A connection that was served; it is armed for what it waits for, or has more to be served (`again`).
    pub(super) fn put_back(&mut self, token: Token, connection: Connection, again: bool, server: &Shared) {
        // An idle connection that was in hand when the drain began was not seen by it.
        let ready =
            self.stopped || (self.draining && connection.is_idle()) || self.connections.was_called(token);
        self.alarm.watch(token.slot(), connection.deadline, server);
        let returned = self.connections.put_back(token, connection);
        debug_assert!(returned.is_ok(), "the slot of a connection in hand is reserved");
        if ready {
            self.ready.push_back(Item::Event(token));
        } else if again {
            self.again.push(token);
        }
    }

    /// A connection is to be served, whatever its socket says.
    pub(super) fn look_at(&mut self, token: Token) {
        self.ready.push_back(Item::Event(token));
    }

    /// A connection leaves for a service thread. Its slot is kept.
    pub(super) fn send_away(&mut self, token: Token) {
        self.alarm.cancel(token.slot());
    }

    pub(super) fn come_home(&mut self, token: Token, connection: Connection) {
        let _ = self.connections.put_back(token, connection);
        self.ready.push_back(Item::Event(token));
    }

    pub(super) fn has_gone(&mut self, token: Token, peer: Option<SocketAddr>, reason: CloseReason) {
        self.ready.push_back(Item::Gone(token, peer, reason));
    }

    /// A connection that was in hand is closed.
    pub(super) fn release(&mut self, token: Token) {
        self.alarm.cancel(token.slot());
        self.connections.release(token);
    }

    /// A door is back from the worker that let connections in.
    pub(super) fn return_door(&mut self, index: usize, mut door: Door, poller: &Poller, server: &Shared) {
        door.shut(self.shut, poller, door_token(index));
        if self.closing {
            // Since it was taken: for a last look.
            self.ready.push_back(Item::Event(door_token(index)));
        } else if let Err(error) = door.arm(poller, door_token(index)) {
            tracing::error!(%error, "a listening socket could not be watched");
        }
        self.alarm.set(door.paused_until, server);
        self.doors[index] = Some(door);
    }

    /// A worker has closed a door. With the last one the drain begins.
    pub(super) fn count_closed_door(&mut self) {
        self.doors_open -= 1;
        if self.doors_open == 0 {
            self.draining = true;
            let connections = &self.connections;
            let idle = |token: &Token| connections.peek(*token).is_some_and(Connection::is_idle);
            self.ready.extend(connections.tokens().filter(idle).map(Item::Event));
        }
    }

    /// The alarm has gone off at `now`: what has expired is to be looked at, paused doors are opened.
    pub(super) fn look_at_deadlines(&mut self, now: Tick, poller: &Poller, server: &Shared) {
        self.alarm.went_off(poller);
        while let Some(slot) = self.alarm.expire(now) {
            // Of a connection in hand the timer is set when it is put back.
            let Some(token) = self.connections.token_of(slot) else { continue };
            let Some(connection) = self.connections.peek(token) else { continue };
            if connection.deadline <= now {
                self.ready.push_back(Item::Expired(token));
            } else {
                self.alarm.watch(slot, connection.deadline, server);
            }
        }
        for (index, door) in self.doors.iter_mut().enumerate() {
            if let Some(door) = door {
                door.reopen_when_due(poller, door_token(index), now);
            }
        }
        self.alarm.set(self.doors.iter().flatten().filter_map(|door| door.paused_until).min(), server);
    }

    pub(super) fn close_doors(&mut self) {
        self.closing = true;
        let doors = self.doors.iter().enumerate().filter(|(_, door)| door.is_some());
        self.ready.extend(doors.map(|(index, _)| Item::Event(door_token(index))));
    }

    pub(super) fn stop(&mut self) {
        self.stopped = true;
        self.ready.extend(self.connections.tokens().map(Item::Event));
    }

    /// Those in workers' hands follow when they are back.
    pub(super) fn open_doors(&mut self, open: bool, poller: &Poller) {
        self.shut = !open;
        for (index, door) in self.doors.iter_mut().enumerate() {
            if let Some(door) = door {
                door.shut(self.shut, poller, door_token(index));
            }
        }
    }

    /// Takes connections that can move out of their slots: such as wait in the poller, for what is to be served is served
    /// first.
    pub(super) fn let_go(&mut self, most: usize, kinds: Kinds) -> Vec<Connection> {
        let waits =
            |connection: &Connection| connection.registered != Interest::NONE && connection.is_movable(kinds);
        let (found, at) = self.connections.find(self.looked_to, SLOTS_PER_LOOK, most, waits);
        self.looked_to = at;
        let taken = found.into_iter().filter_map(|token| {
            let connection = self.connections.take(token)?;
            self.release(token);
            Some(connection)
        });
        taken.collect()
    }

    fn is_finished(&self) -> bool {
        self.draining && self.connections.len() == 0
    }
}
