//! A connection without a core: one end of a socket pair, served by hand, in a time that moves when it is told to.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

mod allocations;
mod buffers;
mod deadlines;
mod introductions;
mod rates;
mod sessions;
mod splits;
mod turns;
mod uptakes;
mod writers;

use super::head::HeadReader;
use super::{CloseReason, Connection, Gathered, Next, Outgoing, Turn};
use crate::clock::Clock;
use crate::config::Config;
use crate::door::Arrival;
use crate::http::Router;
use crate::protocol::{Hail, Hosted, Place};
use crate::service::{ServiceThreads, Terms};
use crate::shared::Shared;
use crate::tally::Tally;
use corelay_poll::Token;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// A clock that is set.
struct Hands {
    start: Instant,
    passed_ms: AtomicU64,
}

impl Hands {
    fn pass(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.passed_ms.fetch_add(millis, Ordering::Relaxed);
    }

    fn passed(&self) -> Duration {
        Duration::from_millis(self.passed_ms.load(Ordering::Relaxed))
    }
}

impl Clock for Hands {
    fn now(&self) -> Instant {
        self.start + self.passed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000) + self.passed()
    }
}

/// Nobody has to be told of mail: each step of a test is a turn.
struct Nowhere;

impl Hail for Nowhere {
    fn hail(&self, _: Token) {}

    fn core(&self) -> usize {
        0
    }
}

/// A connection, what a serving thread lends it, and its peer.
struct Rig {
    hands: Arc<Hands>,
    server: Arc<Shared>,
    turn: Turn,
    /// Here, unless it was closed.
    connection: Option<Connection>,
    peer: UnixStream,
}

/// Where a proxy connects from.
const PROXY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4000);

/// A new connection and its peer; one that has no address, or is a proxy with one.
fn connect(proxied: bool, server: &Shared, turn: &Turn) -> (Connection, UnixStream) {
    let (ours, peer) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    peer.set_nonblocking(true).unwrap();
    let deadline = turn.now.tick.after(server.ticks.head);
    let arrival = Arrival { socket: ours.into(), peer: proxied.then_some(PROXY), proxied };
    let mut connection = Connection::arriving(arrival, deadline);
    connection.host(server, || Place { home: Arc::new(Nowhere), token: Token::new(0, 0) });
    (connection, peer)
}

impl Rig {
    fn new(router: Router) -> Self {
        Self::with(Config::default(), router)
    }

    fn with(config: Config, router: Router) -> Self {
        Self::of(config, router, None)
    }

    /// Of a protocol.
    fn hosting(hosted: Hosted) -> Self {
        Self::of(Config::default(), Router::new(), Some(hosted))
    }

    fn of(config: Config, router: Router, hosted: Option<Hosted>) -> Self {
        let hands = Arc::new(Hands { start: Instant::now(), passed_ms: AtomicU64::new(0) });
        let clock: Arc<dyn Clock> = hands.clone();
        let idle = Duration::from_secs(1);
        let terms = Terms { threads_max: 0, stack_bytes: 64 * 1024, idle, cpus: Vec::new() };
        let service = ServiceThreads::new(terms, None);
        let server = Shared::new(router.finish().unwrap(), config, clock.clone(), service, 1);
        let server = Arc::new(server.hosting(hosted));
        let now = server.epoch.moment(clock.now());
        let turn = Turn {
            input: vec![0; 64 * 1024].into(),
            heads: HeadReader::default(),
            out: Outgoing::new(&*clock, now, false),
            now,
            tally: Tally::new(Arc::default(), clock, now, false),
            restrained: server.restraint.is_on(),
            late: false,
        };
        let (connection, peer) = connect(false, &server, &turn);
        Self { hands, server, turn, connection: Some(connection), peer }
    }

    /// Another connection, on the same serving thread. The one before is dropped.
    fn reconnect(&mut self) {
        let (connection, peer) = connect(false, &self.server, &self.turn);
        (self.connection, self.peer) = (Some(connection), peer);
    }

    /// The same for one that begins with a PROXY protocol header.
    fn reconnect_proxied(&mut self) {
        // As the door counts it in: without a peer.
        self.server.occupancy.enter(None).unwrap();
        let (connection, peer) = connect(true, &self.server, &self.turn);
        (self.connection, self.peer) = (Some(connection), peer);
    }

    fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("it is not closed")
    }

    /// One turn.
    fn serve(&mut self) -> Next {
        self.connection.as_mut().expect("it is not closed").look(&mut self.turn, &self.server)
    }

    /// The deadline has come.
    fn expire(&mut self) -> Next {
        self.connection.as_mut().expect("it is not closed").expired(&mut self.turn, &self.server)
    }

    /// Turns until it waits for its peer, service threads included; or why it was closed.
    fn run(&mut self) -> Option<CloseReason> {
        loop {
            match self.serve() {
                Next::Read | Next::Write | Next::Mail { .. } => return None,
                Next::Again => {}
                Next::Close(reason) => return self.close(reason),
                Next::Service(job) => {
                    let mut tally = Tally::exact(self.hands.clone(), self.turn.now);
                    let connection = self.connection.take().expect("it was served");
                    match job.run(connection, &self.server, &mut tally) {
                        Ok(connection) => self.connection = Some(connection),
                        Err(reason) => return self.close(reason),
                    }
                }
            }
        }
    }

    fn close(&mut self, reason: CloseReason) -> Option<CloseReason> {
        self.connection = None;
        Some(reason)
    }

    /// The peer sends, and the connection is served once what was sent is gathered.
    fn send_gathered(&mut self, bytes: &[u8]) -> Option<CloseReason> {
        self.peer.write_all(bytes).unwrap();
        let connection = self.connection.as_mut().expect("it is not closed");
        match connection.gather(&mut self.turn, &self.server) {
            Gathered::Part => None,
            Gathered::Ready => self.run(),
        }
    }

    /// The peer sends, and the connection is served.
    fn send(&mut self, bytes: impl AsRef<[u8]>) -> Option<CloseReason> {
        self.peer.write_all(bytes.as_ref()).unwrap();
        self.run()
    }

    /// What there is for the peer to read.
    fn received(&mut self) -> Vec<u8> {
        let mut received = Vec::new();
        match self.peer.read_to_end(&mut received) {
            Ok(_) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => received,
            Err(error) => panic!("{error}"),
        }
    }

    fn received_text(&mut self) -> String {
        String::from_utf8(self.received()).unwrap()
    }

    /// Moves time on, to a new turn.
    fn pass(&mut self, time: Duration) {
        self.hands.pass(time);
        self.turn.now = self.server.epoch.moment(self.hands.now());
    }

    /// How far away the deadline is.
    fn time_left(&mut self) -> Duration {
        let (epoch, now) = (self.server.epoch, self.turn.now.instant);
        epoch.until(self.connection().deadline, now)
    }
}
