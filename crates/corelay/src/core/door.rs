//! Doors: listening sockets, and what happens at them.
//!
//! Out of file descriptors, `accept` fails while the listening socket stays ready: a level-triggered poller would spin.
//! So a door that cannot accept is taken from its poller for a moment and put back by a timer; connections wait in
//! the kernel's queue meanwhile. It says so in the log once a minute.

use super::{Core, Message};
use crate::clock::{Moment, Tick};
use crate::config::Accept;
use crate::peers::Refused;
use crate::shared::Shared;
use corelay_poll::{Events, Interest, Poller, Token, Trigger, Waker};
use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a door stays closed for want of file descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);
/// Connections accepted in one turn of a door.
const ACCEPTS_PER_TURN: usize = 1024;
/// How often the log says so.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// A listening socket of one thread.
pub(crate) struct Door {
    socket: OwnedFd,
    /// Whether other threads' doors share the socket: one of them is woken, not all.
    shared: bool,
    pub(super) paused_until: Option<Tick>,
}

impl Door {
    pub(crate) fn new(socket: OwnedFd, shared: bool) -> Self {
        Self { socket, shared, paused_until: None }
    }

    pub(super) fn open(&self, poller: &Poller, token: Token) -> io::Result<()> {
        if self.shared {
            poller.add_exclusive(&self.socket, token, Interest::READ, Trigger::Level)
        } else {
            poller.add(&self.socket, token, Interest::READ, Trigger::Level)
        }
    }

    pub(super) fn close(self, poller: &Poller) {
        if self.paused_until.is_none() {
            let _ = poller.delete(&self.socket);
        }
    }

    /// The next connection, if one waits and can be had.
    #[inline(always)]
    pub(super) fn accept(
        &mut self,
        poller: &Poller,
        now: Moment,
        server: &Shared,
    ) -> Option<(OwnedFd, Option<SocketAddr>)> {
        loop {
            let error = match corelay_poll::socket::accept(&self.socket) {
                Ok(accepted) => return Some(accepted),
                Err(error) => error,
            };
            match Errno::from_io_error(&error) {
                Some(Errno::AGAIN) => return None,
                // It was there and is gone again.
                Some(Errno::CONNABORTED | Errno::INTR | Errno::PROTO) => {}
                _ => {
                    self.pause(poller, now, &error, server);
                    return None;
                }
            }
        }
    }

    /// EMFILE, ENFILE, ENOBUFS, ENOMEM, and whatever else would only repeat itself.
    #[cold]
    fn pause(&mut self, poller: &Poller, now: Moment, error: &io::Error, server: &Shared) {
        server.door.accept_pauses.add_shared(1);
        if self.paused_until.is_none() && poller.delete(&self.socket).is_err() {
            return;
        }
        self.paused_until = Some(now.tick.after(Tick::spanning(PAUSE)));
        if server.door.may_say(now.tick, Tick::spanning(SAID_EVERY)) {
            let open = server.occupancy.open();
            tracing::warn!(%error, open, "new connections wait: accepting failed, and is tried again every 100 ms");
        }
    }

    pub(super) fn reopen_when_due(&mut self, poller: &Poller, token: Token, now: Tick) {
        if self.paused_until.is_some_and(|until| until <= now) {
            match self.open(poller, token) {
                Ok(()) => self.paused_until = None,
                Err(_) => self.paused_until = Some(now.after(Tick::spanning(PAUSE))),
            }
        }
    }
}

/// Counts a connection in. `false`: a limit refuses it, and it has been told so as far as one send goes.
pub(crate) fn take_in(socket: &OwnedFd, peer: Option<SocketAddr>, server: &Shared) -> bool {
    const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Length: 21\r\n\r\ntoo many connections\n";
    match server.occupancy.enter(peer) {
        Ok(()) => return true,
        Err(Refused::TooMany) => server.door.too_many.add_shared(1),
        Err(Refused::TooManyOfPeer) => server.door.too_many_of_peer.add_shared(1),
    }
    // What has arrived is read, so that closing does not reset the connection before the refusal is read.
    let _ = rustix::net::recv(socket, &mut [0; 4096], RecvFlags::empty());
    let _ = corelay_poll::socket::send(socket, REFUSAL);
    let _ = rustix::net::shutdown(socket, Shutdown::Write);
    false
}

/// The accept thread of `--accept dispatch` and `--accept round-robin`: it owns all doors and relays each new
/// connection to a core.
pub(crate) struct Acceptor {
    poller: Poller,
    waker: Arc<Waker>,
    doors: Vec<Door>,
    cores: Vec<Arc<Core>>,
    policy: Accept,
    stop: Arc<AtomicBool>,
    next: usize,
}

/// Ends an [`Acceptor`].
#[derive(Clone)]
pub(crate) struct StopAccepting {
    waker: Arc<Waker>,
    stop: Arc<AtomicBool>,
}

impl StopAccepting {
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
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
        poller.add(&*waker, super::WAKER, Interest::READ, Trigger::Level)?;
        for (index, door) in doors.iter().enumerate() {
            door.open(&poller, super::door_token(index))?;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let handle = StopAccepting { waker: waker.clone(), stop: stop.clone() };
        Ok((Self { poller, waker, doors, cores, policy, stop, next: 0 }, handle))
    }

    /// Accepts until stopped; what waits at the doors then is still let in.
    pub(crate) fn run(mut self, server: &Shared) {
        let mut events = Events::with_capacity(64);
        while !self.stop.load(Ordering::Acquire) {
            let now = server.epoch.moment(server.clock.now());
            for index in 0..self.doors.len() {
                self.doors[index].reopen_when_due(&self.poller, super::door_token(index), now.tick);
            }
            let due = self.doors.iter().filter_map(|door| door.paused_until).min();
            let timeout = due.map(|due| server.epoch.until(due, now.instant));
            if let Err(error) = self.poller.wait(&mut events, timeout) {
                tracing::error!(%error, "the accept thread's poller failed");
                return;
            }
            for event in events.iter() {
                match event.token() {
                    super::WAKER => self.waker.acknowledge(),
                    token => self.accept(token.slot() as usize - 1, server),
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
            let Some((socket, peer)) = self.doors[door].accept(&self.poller, now, server) else { return };
            if take_in(&socket, peer, server) {
                self.choose().send(Message::Arrived(socket, peer));
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
