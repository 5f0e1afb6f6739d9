//! The floor: what the system calls and one search cost, and nothing else. **Frozen**: do not make it faster or slower.
//!
//! corelay's CPU time per request is stated as a multiple of this program's, so it must stay what it is; a change
//! to it makes old and new figures incomparable. One thread, one level-triggered epoll set:
//!
//! ```text
//! epoll_wait ─▶ for each event: one recv ─▶ search for \r\n\r\n ─▶ one send of as many responses as were found
//! ```
//!
//! What makes it fast: a connection is registered once and never modified; there is one read buffer; no second recv
//! asks whether there is more; pipelined requests are answered by one send from a buffer in which the response
//! stands many times over; the search is memchr's vectorised one. Nothing is kept for a connection but its
//! descriptor (in a table by its own number, since closing by number would need unsafe code).
//!
//! What makes it wrong, and a floor and not a server: a request that arrives in two pieces is never answered; the
//! rest of a short write is lost; it does not parse, so every request is a GET without a body, `Connection: close`
//! is ignored and the `Date` stands still; no timeouts and no limits; at EMFILE it spins.

#![forbid(unsafe_code)]

use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::{Context, Result};
use corelay_bench::arguments::Arguments;
use corelay_bench::{open_files, response};
use memchr::memmem::Finder;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send, sockopt};

/// Ready descriptors taken by one epoll_wait.
const EVENTS_MAX: usize = 1024;

/// Bytes taken by one recv.
const READ_BYTES: usize = 16 * 1024;

/// `GET / HTTP/1.1` and an empty line: more requests than these do not fit into one read.
const REQUEST_BYTES_MIN: usize = 18;

/// Set in an event's data where it tells of a listener; the rest is a descriptor's number or a listener's index.
const LISTENER: u64 = 1 << 32;

struct Floor {
    poller: OwnedFd,
    listeners: Vec<TcpListener>,
    /// By descriptor number.
    connections: Vec<Option<OwnedFd>>,
    read_buffer: Box<[u8]>,
    /// The response, as often as one read can hold requests.
    responses: Vec<u8>,
    response_bytes: usize,
    head_end: Finder<'static>,
}

fn main() -> Result<()> {
    open_files::raise_limit()?;
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let response = match &arguments.response_from {
        Some(url) => response::fetch(url)?,
        None => response::BUILT_IN.to_vec(),
    };
    let listeners = arguments
        .listen
        .iter()
        .map(|address| TcpListener::bind(address).with_context(|| format!("cannot listen on {address}")))
        .collect::<Result<_>>()?;
    Floor::new(listeners, &response)?.run()
}

impl Floor {
    fn new(listeners: Vec<TcpListener>, response: &[u8]) -> Result<Self> {
        let poller = epoll::create(CreateFlags::CLOEXEC)?;
        for (index, listener) in (0..).zip(&listeners) {
            listener.set_nonblocking(true)?;
            epoll::add(&poller, listener, EventData::new_u64(LISTENER | index), EventFlags::IN)?;
        }
        Ok(Self {
            poller,
            listeners,
            connections: Vec::new(),
            read_buffer: vec![0; READ_BYTES].into(),
            responses: response.repeat(READ_BYTES / REQUEST_BYTES_MIN),
            response_bytes: response.len(),
            head_end: Finder::new(b"\r\n\r\n"),
        })
    }

    fn run(&mut self) -> Result<()> {
        let mut events = [Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; EVENTS_MAX];
        loop {
            let ready = match epoll::wait(&self.poller, &mut events[..], None) {
                Ok(ready) => ready,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for event in &events[..ready] {
                let data = event.data.u64();
                if data & LISTENER == 0 {
                    self.serve(data as usize);
                } else {
                    self.accept((data & !LISTENER) as usize)?;
                }
            }
        }
    }

    /// The hot path: one recv, one search, one send.
    fn serve(&mut self, number: usize) {
        let Some(connection) = &self.connections[number] else { return };
        let received = match recv(connection, &mut self.read_buffer[..], RecvFlags::empty()) {
            Ok((received, _)) if received > 0 => received,
            Err(Errno::AGAIN | Errno::INTR) => return,
            _ => {
                self.connections[number] = None;
                return;
            }
        };
        let requests = self.head_end.find_iter(&self.read_buffer[..received]).count();
        let output = &self.responses[..requests * self.response_bytes];
        // Neither a short write nor an error is looked at: a peer that is gone reads as one at the next event.
        let _sent = send(connection, output, SendFlags::NOSIGNAL);
    }

    #[cold]
    fn accept(&mut self, listener: usize) -> Result<()> {
        while let Ok(connection) =
            accept_with(&self.listeners[listener], SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)
        {
            sockopt::set_tcp_nodelay(&connection, true)?;
            let number = usize::try_from(connection.as_raw_fd())?;
            epoll::add(&self.poller, &connection, EventData::new_u64(number as u64), EventFlags::IN)?;
            if number >= self.connections.len() {
                self.connections.resize_with(number + 1, || None);
            }
            self.connections[number] = Some(connection);
        }
        Ok(())
    }
}
