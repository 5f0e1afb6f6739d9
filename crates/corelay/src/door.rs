//! Doors: listening sockets, and what happens at them, on every engine.
//!
//! Out of file descriptors, `accept` fails while the listening socket stays ready: a level-triggered poller would spin.
//! So a door that cannot accept is taken from its poller for a moment and put back by a timer; connections wait in
//! the kernel's queue meanwhile. It says so in the log once a minute.

use crate::clock::{Moment, Tick};
use crate::shared::Shared;
use crate::slab::NOT_A_CONNECTION;
use corelay_poll::{Interest, Poller, Token, Trigger};
use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// How long a door stays closed for want of file descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// A listening socket of one thread.
pub(crate) struct Door {
    socket: OwnedFd,
    wake: Wake,
    /// Each connection begins with a PROXY protocol header.
    proxied: bool,
    pub(crate) paused_until: Option<Tick>,
    /// Another process lets in who comes.
    shut: bool,
}

/// A connection as it comes in.
pub(crate) struct Arrival {
    pub(crate) socket: OwnedFd,
    pub(crate) peer: Option<SocketAddr>,
    /// It begins with a PROXY protocol header: the peer is a proxy.
    pub(crate) proxied: bool,
}

/// Whom a connection at the door wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// The one thread that waits in the poller.
    Owner,
    /// Other threads' doors share the socket: one of them, not all.
    OneOfMany,
    /// Of the threads that wait in the poller one, once: it opens the door again.
    Once,
}

impl Door {
    pub(crate) fn new(socket: OwnedFd, wake: Wake, proxied: bool) -> Self {
        Self { socket, wake, proxied, paused_until: None, shut: false }
    }

    pub(crate) fn open(&self, poller: &Poller, token: Token) -> io::Result<()> {
        match self.wake {
            Wake::Owner => poller.add(&self.socket, token, Interest::READ, Trigger::Level),
            Wake::OneOfMany => poller.add_exclusive(&self.socket, token, Interest::READ, Trigger::Level),
            Wake::Once => poller.add(&self.socket, token, Interest::READ, Trigger::OneShot),
        }
    }

    /// Has the next connection wake a thread again, after [`Wake::Once`].
    pub(crate) fn arm(&self, poller: &Poller, token: Token) -> io::Result<()> {
        if self.paused_until.is_some() || self.shut {
            return Ok(());
        }
        poller.modify(&self.socket, token, Interest::READ, Trigger::OneShot)
    }

    pub(crate) fn close(self, poller: &Poller) {
        if self.paused_until.is_none() && !self.shut {
            let _ = poller.delete(&self.socket);
        }
    }

    /// Lets nobody in while another process does, which has the same socket; or lets in again.
    pub(crate) fn shut(&mut self, shut: bool, poller: &Poller, token: Token) {
        if self.shut == shut {
            return;
        }
        if shut {
            if self.paused_until.take().is_none() {
                let _ = poller.delete(&self.socket);
            }
        } else if let Err(error) = self.open(poller, token) {
            tracing::error!(%error, "a listening socket could not be watched");
        }
        self.shut = shut;
    }

    /// The next connection, if one waits and can be had.
    #[inline(always)]
    pub(crate) fn accept(&mut self, poller: &Poller, now: Moment, server: &Shared) -> Option<Arrival> {
        if self.shut {
            return None;
        }
        loop {
            let error = match corelay_poll::socket::accept(&self.socket) {
                Ok((socket, peer)) => return Some(Arrival { socket, peer, proxied: self.proxied }),
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
        if server.door.pauses_said.may_say(now.tick) {
            let open = server.occupancy.open();
            tracing::warn!(%error, open, "new connections wait: accepting failed, and is tried again every 100 ms");
        }
    }

    pub(crate) fn reopen_when_due(&mut self, poller: &Poller, token: Token, now: Tick) {
        if self.paused_until.is_some_and(|until| until <= now) {
            match self.open(poller, token) {
                Ok(()) => self.paused_until = None,
                Err(_) => self.paused_until = Some(now.after(Tick::spanning(PAUSE))),
            }
        }
    }
}

/// The token of a thread's door with this number.
pub(crate) fn door_token(index: usize) -> Token {
    Token::new(u32::try_from(index + 1).unwrap_or(u32::MAX), NOT_A_CONNECTION)
}

/// The number of the door with this token.
#[inline(always)]
pub(crate) fn door_index(token: Token) -> usize {
    (token.slot() as usize).wrapping_sub(1)
}

/// Counts a connection in. `false`: a limit refuses it, and it has been told so as far as one send goes; or it is no trusted
/// proxy's, and is told nothing.
pub(crate) fn take_in(arrival: &Arrival, now: Tick, server: &Shared) -> bool {
    let mut peer = arrival.peer;
    if arrival.proxied {
        if !server.config.proxies.trust(peer) {
            turn_stranger_away(peer, now, server);
            return false;
        }
        // Whose it is, its header will say.
        peer = None;
    }
    match server.occupancy.enter(peer) {
        Ok(()) => return true,
        Err(refused) => server.door.count(refused),
    }
    refuse(&arrival.socket, server);
    false
}

#[cold]
fn turn_stranger_away(peer: Option<SocketAddr>, now: Tick, server: &Shared) {
    server.door.untrusted_proxy.add_shared(1);
    if server.door.strangers_said.may_say(now) {
        let peer = peer.map(tracing::field::display);
        tracing::warn!(peer, "closed: not among the trusted proxies, and nobody else may connect there");
    }
}

/// Tells a new peer that there is no place for it.
#[cold]
pub(crate) fn refuse(socket: &OwnedFd, server: &Shared) {
    const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Length: 21\r\n\r\ntoo many connections\n";
    // What has arrived is read, so that closing does not reset the connection before the refusal is read.
    let _ = rustix::net::recv(socket, &mut [0; 4096], RecvFlags::empty());
    let refusal = server.hosted.as_ref().map_or(REFUSAL, |hosted| hosted.no_room());
    if !refusal.is_empty() {
        let _ = corelay_poll::socket::send(socket, refusal);
    }
    let _ = rustix::net::shutdown(socket, Shutdown::Write);
}
