//! The accept thread of `--accept dispatch` and `--accept round-robin`.

use super::{Core, Message, WAKER};
use crate::config::Accept;
use crate::door::{Door, door_index, door_token, take_in};
use crate::shared::Shared;
use corelay_poll::{Events, Interest, Poller, Trigger, Waker};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Connections accepted in one turn of a door.
const ACCEPTS_PER_TURN: usize = 1024;

/// It owns all doors and relays each new
/// connection to a core.
pub(crate) struct Acceptor {
    poller: Poller,
    waker: Arc<Waker>,
    doors: Vec<Door>,
    cores: Vec<Arc<Core>>,
    policy: Accept,
    stop: Arc<AtomicBool>,
    shut: Arc<AtomicBool>,
    next: usize,
}

/// Ends an [`Acceptor`], or has it pause.
#[derive(Clone)]
pub(crate) struct StopAccepting {
    waker: Arc<Waker>,
    stop: Arc<AtomicBool>,
    shut: Arc<AtomicBool>,
}

impl StopAccepting {
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.waker.wake();
    }

    /// Shuts its doors while another process lets in, or opens them again.
    pub(crate) fn shut(&self, shut: bool) {
        self.shut.store(shut, Ordering::Release);
        let _ = self.waker.wake();
    }
}

impl Acceptor {
    pub(crate) fn new(
        doors: Vec<Door>,
        cores: Vec<Arc<Core>>,
        policy: Accept,
    ) -> io::Result<(Self, StopAccepting)> {
        let (poller, waker) = (Poller::new()?, Arc::new(Waker::new()?));
        poller.add(&*waker, WAKER, Interest::READ, Trigger::Level)?;
        for (index, door) in doors.iter().enumerate() {
            door.open(&poller, door_token(index))?;
        }
        let (stop, shut) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let handle = StopAccepting { waker: waker.clone(), stop: stop.clone(), shut: shut.clone() };
        Ok((Self { poller, waker, doors, cores, policy, stop, shut, next: 0 }, handle))
    }

    /// Accepts until stopped; what waits at the doors then is still let in.
    pub(crate) fn run(mut self, server: &Shared) {
        let mut events = Events::with_capacity(64);
        while !self.stop.load(Ordering::Acquire) {
            let now = server.epoch.moment(server.clock.now());
            let shut = self.shut.load(Ordering::Acquire);
            for index in 0..self.doors.len() {
                self.doors[index].shut(shut, &self.poller, door_token(index));
                self.doors[index].reopen_when_due(&self.poller, door_token(index), now.tick);
            }
            let due = self.doors.iter().filter_map(|door| door.paused_until).min();
            let timeout = due.map(|due| server.epoch.until(due, now.instant));
            if let Err(error) = self.poller.wait(&mut events, timeout) {
                tracing::error!(%error, "the accept thread's poller failed");
                return;
            }
            for event in events.iter() {
                match event.token() {
                    WAKER => self.waker.acknowledge(),
                    token => self.accept(door_index(token), server),
                }
            }
        }
        for door in 0..self.doors.len() {
            self.accept(door, server);
        }
    }

    fn accept(&mut self, door: usize, server: &Shared) {
        let now = server.epoch.moment(server.clock.now());
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(arrival) = self.doors[door].accept(&self.poller, now, server) else { return };
            if take_in(&arrival, now.tick, server) {
                self.choose().send(Message::Arrived(arrival));
            }
        }
    }

    /// In turn, or the less loaded of two at random: nearly as even as looking at all of them, and two threads that
    /// look at the same moment do not all run to the same core.
    fn choose(&mut self) -> &Core {
        let count = self.cores.len();
        if self.policy == Accept::RoundRobin || count == 1 {
            self.next = (self.next + 1) % count;
            return &self.cores[self.next];
        }
        let first = fastrand::usize(..count);
        let second = (first + fastrand::usize(1..count)) % count;
        let (first, second) = (&self.cores[first], &self.cores[second]);
        if second.load() < first.load() { second } else { first }
    }
}
