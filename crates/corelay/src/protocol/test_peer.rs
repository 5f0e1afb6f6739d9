//! A peer for tests of a protocol: the server's own code for connections, without a server, in set time.

use super::{Hosted, Place, Protocol, Terms};
use crate::clock::Clock;
use crate::config::Config;
use crate::connection::{CloseReason, Connection, Next, Turn};
use crate::http::Router;
use crate::protocol::Hail;
use crate::service::{self, ServiceThreads};
use crate::shared::Shared;
use crate::status::Phase;
use crate::tally::Tally;
use corelay_poll::Token;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// One connection of a protocol, served on the calling thread whenever its peer does something. Time stands still but for
/// [`TestPeer::pass`].
///
/// What it says on a connection is what a server would: limits, deadlines, backpressure and endings are the same code. The
/// connection is one end of a socket pair.
///
/// ```
/// # use corelay::CloseReason;
/// # use corelay::protocol::{Input, Peer, Protocol, Step, TestPeer};
/// # struct Silent;
/// # impl Protocol for Silent {
/// #     type State = ();
/// #     type Mail = std::convert::Infallible;
/// #     fn opened(&self, _: &mut Peer<'_, Self>) -> Result<(), CloseReason> { Ok(()) }
/// #     fn received(&self, _: &mut (), _: &mut Input<'_>, _: &mut Peer<'_, Self>) -> Step { Step::Continue }
/// # }
/// use std::time::Duration;
///
/// let mut peer = TestPeer::new(Silent);
/// peer.pass(Duration::from_secs(80));
/// assert_eq!(peer.closed(), Some(CloseReason::IdleTimeout));
/// ```
pub struct TestPeer {
    hands: Arc<Hands>,
    server: Arc<Shared>,
    turn: Turn,
    connection: Option<Connection>,
    reason: Option<CloseReason>,
    waits_for_mail: bool,
    peer: UnixStream,
    received: Vec<u8>,
}

/// A clock that is set.
struct Hands {
    start: Instant,
    passed_ns: AtomicU64,
}

impl Clock for Hands {
    fn now(&self) -> Instant {
        self.start + Duration::from_nanos(self.passed_ns.load(Ordering::Relaxed))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.passed_ns.load(Ordering::Relaxed))
    }
}

/// Where the connection is: nobody has to be told, for it is looked at after every action.
struct Nowhere;

impl Hail for Nowhere {
    fn hail(&self, _: Token) {}

    fn core(&self) -> usize {
        0
    }
}

/// What a server of this protocol has in common, without engine.
fn serving(protocol: impl Protocol, terms: Terms, config: Config, clock: Arc<Hands>) -> Shared {
    let idle = Duration::from_secs(1);
    let service_terms = service::Terms { threads_max: 0, stack_bytes: 64 * 1024, idle, cpus: Vec::new() };
    let app = Router::new().finish().expect("no routes contradict each other");
    let shared = Shared::new(app, config, clock, ServiceThreads::new(service_terms, None), 1);
    shared.hosting(Some(Hosted::new(protocol, terms)))
}

impl TestPeer {
    /// A new connection on the default terms; [`opened`](Protocol::opened) has been called.
    ///
    /// # Panics
    /// No socket pair can be had.
    pub fn new(protocol: impl Protocol) -> Self {
        Self::with(protocol, Terms::default(), Config::default())
    }

    /// The same on other terms, with other limits and deadlines.
    ///
    /// # Panics
    /// No socket pair can be had.
    pub fn with(protocol: impl Protocol, terms: Terms, config: Config) -> Self {
        let hands = Arc::new(Hands { start: Instant::now(), passed_ns: AtomicU64::new(0) });
        let server = Arc::new(serving(protocol, terms, config, hands.clone()));
        let turn = Turn::new(&server, Arc::default());
        let (ours, peer) = UnixStream::pair().expect("a socket pair");
        for end in [&ours, &peer] {
            end.set_nonblocking(true).expect("a socket may be non-blocking");
        }
        let mut connection = Connection::new(ours.into(), None, turn.now.tick);
        connection.host(&server, || Place { home: Arc::new(Nowhere), token: Token::new(0, 0) });
        let (reason, waits_for_mail, received) = (None, false, Vec::new());
        let connection = Some(connection);
        let mut peer = Self { hands, server, turn, connection, reason, waits_for_mail, peer, received };
        peer.serve();
        peer
    }

    /// Sends `bytes`. The answers are read meanwhile, as far as there is no room for more.
    pub fn feed(&mut self, bytes: impl AsRef<[u8]>) {
        let mut bytes = bytes.as_ref();
        while !bytes.is_empty() && self.reason.is_none() {
            match self.peer.write(bytes) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.read(),
                Err(_) => return,
            }
            self.serve();
            if self.waits_for_mail {
                break;
            }
        }
    }

    /// As [`TestPeer::feed`], but reads nothing: what does not fit is not sent. How much was.
    pub fn feed_only(&mut self, bytes: &[u8]) -> usize {
        let mut sent = 0;
        while sent < bytes.len() && self.reason.is_none() {
            match self.peer.write(&bytes[sent..]) {
                Ok(more) => sent += more,
                Err(_) => break,
            }
            self.serve();
        }
        sent
    }

    /// Everything that was sent to the peer and that this has not given before.
    pub fn received(&mut self) -> Vec<u8> {
        loop {
            let before = self.received.len();
            self.serve();
            self.read();
            if self.received.len() == before {
                return std::mem::take(&mut self.received);
            }
        }
    }

    /// Sends no more, and goes on to read.
    pub fn end(&mut self) {
        let _ = self.peer.shutdown(Shutdown::Write);
        self.serve();
    }

    /// Lets time pass, up to a deadline that comes meanwhile and beyond it.
    pub fn pass(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.hands.passed_ns.fetch_add(nanos, Ordering::Relaxed);
        self.turn.begin(&self.server);
        let due = |connection: &Connection, turn: &Turn| connection.deadline <= turn.now.tick;
        if self.connection.as_ref().is_some_and(|connection| due(connection, &self.turn)) {
            let next =
                self.connection.as_mut().map(|connection| connection.expired(&mut self.turn, &self.server));
            self.conclude(next);
        }
        self.serve();
    }

    /// The server drains.
    pub fn drain(&mut self) {
        self.server.enter_phase(Phase::Draining);
        self.serve();
    }

    /// Has it move to a process with this protocol, as an upgrade does. `false`: it stays where it is.
    pub fn upgrade(&mut self, protocol: impl Protocol) -> bool {
        let terms = self.server.hosted.as_ref().map(|hosted| hosted.terms.clone()).unwrap_or_default();
        let after = Arc::new(serving(protocol, terms, self.server.config.clone(), self.hands.clone()));
        let same_form = self.server.packed_form() == after.packed_form();
        let Some(connection) = self
            .connection
            .take_if(|connection| same_form && connection.is_movable(self.server.movable_kinds()))
        else {
            return false;
        };
        match self.change_process(connection, &after) {
            Ok(moved) => {
                self.turn = Turn::new(&after, Arc::default());
                (self.connection, self.server) = (Some(moved), after);
                self.serve();
                true
            }
            Err(kept) => {
                self.connection = Some(kept);
                false
            }
        }
    }

    fn change_process(&self, mut connection: Connection, after: &Shared) -> Result<Connection, Connection> {
        let Some(packed) = connection.pack() else { return Err(connection) };
        let now = self.server.epoch.moment(self.hands.now());
        let state = connection.state(&packed, now, &self.server);
        let output = connection.output().concat();
        let Ok(socket) = connection.socket.try_clone() else { return Err(connection) };
        let now = after.epoch.moment(self.hands.now());
        let mut moved = Connection::moved(socket, state, (connection.input(), &output, &packed), now, after);
        moved.host(after, || Place { home: Arc::new(Nowhere), token: Token::new(0, 0) });
        Ok(moved)
    }

    /// Looks for mail that others have sent to the connection.
    pub fn deliver(&mut self) {
        self.serve();
    }

    /// Why the connection is closed, if it is.
    pub fn closed(&self) -> Option<CloseReason> {
        self.reason
    }

    /// Turns until it waits for its peer.
    fn serve(&mut self) {
        while let Some(connection) = &mut self.connection {
            let next = connection.look(&mut self.turn, &self.server);
            self.waits_for_mail = matches!(next, Next::Mail { .. });
            if self.conclude(Some(next)) {
                return;
            }
        }
    }

    /// Whether it waits, or is closed.
    fn conclude(&mut self, next: Option<Next>) -> bool {
        match next {
            None | Some(Next::Read | Next::Write | Next::Mail { .. }) => true,
            Some(Next::Again) => false,
            Some(Next::Close(reason)) => self.close(reason),
            Some(Next::Service(job)) => {
                let Some(connection) = self.connection.take() else { return true };
                let mut tally = Tally::exact(self.hands.clone(), self.turn.now);
                match job.run(connection, &self.server, &mut tally) {
                    Ok(connection) => self.connection = Some(connection),
                    Err(reason) => return self.close(reason),
                }
                false
            }
        }
    }

    fn close(&mut self, reason: CloseReason) -> bool {
        self.reason = Some(reason);
        if let Some(connection) = self.connection.take() {
            connection.end(reason, &mut self.turn.tally);
        }
        true
    }

    fn read(&mut self) {
        let mut buffer = [0; 64 * 1024];
        while let Ok(count @ 1..) = self.peer.read(&mut buffer) {
            self.received.extend_from_slice(&buffer[..count]);
        }
    }
}

impl std::fmt::Debug for TestPeer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TestPeer").field("closed", &self.reason).finish_non_exhaustive()
    }
}
