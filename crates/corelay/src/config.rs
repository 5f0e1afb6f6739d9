//! What a server may be told: engine, cores, limits, deadlines. Plain data with defaults that are safe to serve with.
//!
//! Every buffer, queue, count, time and thread number of the server has its name here, with its default and its
//! unit. `corelay serve` exposes each under the same name as a flag, a `CORELAY_*` variable and a TOML key.

pub use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A TCP socket address. Port 0 lets the kernel choose.
    Tcp(std::net::SocketAddr),
    /// A Unix stream socket at this path.
    Unix(PathBuf),
}

/// The threading model. Handlers, connections, limits, deadlines and closing are the same on each; `docs/engines.md` draws them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// One pinned thread per core, each with its own poller and connections.
    #[default]
    Cores,
    /// A thread per connection, which sleeps until a listener thread tells it that there is something to read.
    Threads,
    /// Workers that share one poller and all connections, armed for one report at a time: the canonical design, to compare.
    Pool,
}

impl Engine {
    /// The name it is chosen by.
    ///
    /// ```
    /// assert_eq!(corelay::config::Engine::Cores.name(), "cores");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cores => "cores",
            Self::Threads => "threads",
            Self::Pool => "pool",
        }
    }
}

/// Which processors serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cores {
    /// Every usable one: the affinity mask, and no more than a cgroup quota allows (rounded up).
    #[default]
    All,
    /// This many of the usable ones.
    Count(usize),
    /// Exactly these processor numbers.
    Cpus(Vec<usize>),
}

/// Whether core threads are bound to their processor (`sched_setaffinity(2)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pin {
    /// Bound, unless a cgroup quota set the number of cores: a quota is time, not a place. With [`Engine::Cores`] and a
    /// [`Relay`] that is on, a core that waits for its processor for a tenth of the time, half a second long, is let off it
    /// for half a minute, and for twice as long each time that it waits again as soon as it is back.
    #[default]
    Auto,
    /// Bound.
    On,
    /// Left to the scheduler.
    Off,
}

/// How new connections reach a core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accept {
    /// Each core has a listener of its own (`SO_REUSEPORT`); the kernel spreads connections by a hash.
    #[default]
    PerCore,
    /// One accept thread relays each connection to the less loaded of two random cores.
    Dispatch,
    /// One accept thread relays connections to the cores in turn.
    RoundRobin,
}

/// Whether a core whose handler blocks is passed to another thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Relay {
    /// A monitor hears of a core that is not back from a handler within a millisecond, and has it taken within two.
    #[default]
    On,
    /// A handler that blocks stalls its core, as in an event loop: to compare.
    Off,
}

/// Whether a core that is much busier than another passes its hottest connections on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rebalance {
    /// When one core wanted its processor for 25 % more of the time than another, for half a second.
    #[default]
    On,
    /// A connection stays on the core that got it: to compare.
    Off,
}

/// What wakes the thread of a connection on [`Engine::Threads`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThreadsWake {
    /// Its listener, which waits for all sockets in one poller and pokes the threads of those that are ready.
    #[default]
    Epoll,
    /// Nobody: it waits for its socket itself, in a system call that blocks. To compare.
    Blocking,
}

/// Bounds on what peers can make the server hold. Sizes are in bytes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Open connections in all. Past it a new connection gets 503 with `Retry-After` and is closed.
    pub max_connections: usize,
    /// Open connections of one peer address, of IPv6 of one /64; `None`: no bound. Past it: 503, as above.
    pub max_connections_per_peer: Option<usize>,
    /// Requests a second of one peer address, of IPv6 of one /64, on all its connections; `None`: no bound. Past it: 429 with
    /// `Retry-After`; the connection goes on.
    pub max_request_rate_per_peer: Option<NonZeroU32>,
    /// Requests a peer may make at once after a while without: what it saves up.
    pub request_burst_per_peer: u32,
    /// Peers whose rate is known at a time, at 16 bytes each, where there is a bound. Past it they share what they owe.
    pub max_rated_peers: usize,
    /// Request line and header fields together, in bytes. Past it: 431, or 414 within the request line.
    pub max_head_bytes: usize,
    /// Request target, in bytes. Past it: 414.
    pub max_target_bytes: usize,
    /// Header fields of one request. Past it: 431.
    pub max_headers: usize,
    /// Body of any one request, in bytes. Past it: 413.
    pub max_body_bytes: u64,
    /// Body that is gathered in memory for extractors such as `Json` and `Bytes`, in bytes. Past it: 413.
    pub max_buffered_body_bytes: usize,
    /// Bytes that all connections together keep while messages are incomplete: gathered bodies, input that waits, answers that their
    /// peers have not taken. Bodies and input may fill three quarters of it: past that 503 with `Retry-After`. Past it
    /// an answer is refused likewise, or cut off if it has begun. `None`: a quarter of the memory that the process may use
    /// ([`memory_bytes`](corelay_poll::limits::memory_bytes) when it begins to serve), at least 64 MiB. What is below 4 KiB in one
    /// place is not counted. To be of use it should be twice [`Limits::max_buffered_body_bytes`] or more.
    pub max_buffered_bytes: Option<usize>,
    /// Body a handler left unread that is still read and dropped to keep the connection, in bytes. Past it: closed.
    pub max_unread_body_bytes: u64,
    /// Pipelined requests of one connection answered in one turn, before others are served.
    pub max_pipelined: usize,
    /// Threads that run blocking work. Past it: 503 with `Retry-After`. A core that must be relayed may start one more.
    pub max_service_threads: usize,
    /// Stack of a service thread, in bytes of address space: what is touched of it counts.
    pub service_stack_bytes: usize,
    /// Stack of a connection's thread on [`Engine::Threads`], in bytes of address space. Handlers run on it.
    pub thread_stack_bytes: usize,
    /// Threads that each listener of [`Engine::Threads`] keeps for connections to come.
    pub max_idle_threads: usize,
    /// PROXY protocol header of version 2, in bytes. Past it the connection closes, as
    /// [`ProxyHeader`](crate::CloseReason::ProxyHeader). Version 1 has 107 by its specification.
    pub max_proxy_header_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1_000_000,
            max_connections_per_peer: None,
            max_request_rate_per_peer: None,
            request_burst_per_peer: 100,
            max_rated_peers: 65_536,
            max_head_bytes: 16 * 1024,
            max_target_bytes: 8 * 1024,
            max_headers: 100,
            max_body_bytes: 1 << 40,
            max_buffered_body_bytes: 16 * 1024 * 1024,
            max_buffered_bytes: None,
            max_unread_body_bytes: 256 * 1024,
            max_pipelined: 64,
            max_service_threads: 2048,
            service_stack_bytes: 2 * 1024 * 1024,
            thread_stack_bytes: 256 * 1024,
            max_idle_threads: 64,
            max_proxy_header_bytes: 4096,
        }
    }
}

/// How long a peer may take. Measured with a resolution of about a tenth of a second, never early.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Deadlines {
    /// From the first byte of a head to its last, and from accept to the first request, or to the end of the PROXY protocol
    /// header that is to come before it. Past it: 408.
    pub head_timeout: Duration,
    /// Longest silence within a body. Past it: 408.
    pub body_timeout: Duration,
    /// Least body rate, in bytes a second, averaged since the head, after `body_timeout` of grace. Below it: 408. 0: none.
    pub min_body_rate: u64,
    /// Silence between two requests. Past it the connection closes without a word.
    pub idle_timeout: Duration,
    /// Longest time in which a peer takes no byte of an answer, as far as its kernel's acknowledgements tell. Past it: closed.
    pub write_timeout: Duration,
    /// Least rate at which a peer acknowledges output that waits for it, in bytes a second, with `write_timeout` of grace. Below it:
    /// closed. 0: none.
    ///
    /// It is counted from when the kernel did not take all of an answer (or of several that were pipelined) until it has all of it.
    /// In any span of that time the peer must acknowledge as much as this rate wants in the span less `write_timeout`.
    pub min_write_rate: u64,
    /// After an answer that closes before its request is read: how long the peer may be silent while its input is still
    /// read and dropped, so that the answer is not lost to a reset. Ten times this in all.
    pub linger_timeout: Duration,
    /// How long a service thread waits for work before it ends.
    pub service_idle_timeout: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            min_body_rate: 64,
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            min_write_rate: 64,
            linger_timeout: Duration::from_secs(2),
            service_idle_timeout: Duration::from_secs(10),
        }
    }
}

/// Options of listening sockets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SocketOptions {
    /// Length of the accept queue (`listen(2)`; the kernel caps it at `net.core.somaxconn`).
    pub backlog: u32,
    /// `TCP_NOTSENT_LOWAT` (tcp(7)): how many bytes of an answer the kernel takes before the peer has room for them. The rest waits in
    /// the server, where [`Limits::max_buffered_bytes`] and [`Deadlines::min_write_rate`] see it. 0: the kernel's own setting, which
    /// is no bound unless `net.ipv4.tcp_notsent_lowat` is set. Linux only.
    pub notsent_lowat: u32,
    /// `TCP_DEFER_ACCEPT`: the kernel hands a connection over only with its first bytes, or after this long. A silent
    /// or server-speaks-first client is held back that long; Linux only.
    pub defer_accept: Option<Duration>,
    /// `SO_LINGER {1, 0}`: closing sends a reset. Saves TIME_WAIT sockets and **truncates answers not yet read**.
    pub abortive_close: bool,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self { backlog: 4096, notsent_lowat: 16 * 1024, defer_accept: None, abortive_close: false }
    }
}

/// Everything a [`Server`](crate::Server) may be told.
///
/// ```
/// use corelay::{Config, config::{Accept, Cores}};
///
/// let mut config = Config::default();
/// config.cores = Cores::Count(1);
/// config.accept = Accept::Dispatch;
/// config.limits.max_connections = 10_000;
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// The threading model.
    pub engine: Engine,
    /// Which processors serve.
    pub cores: Cores,
    /// Whether core threads are bound to their processor.
    pub pin: Pin,
    /// How new connections reach a core.
    pub accept: Accept,
    /// What wakes a connection's thread.
    pub threads_wake: ThreadsWake,
    /// Whether a core whose handler blocks is passed to another thread.
    pub relay: Relay,
    /// Whether a busy core passes hot connections to a less busy one. Needs the monitor, so a [`Relay`] that is on.
    pub rebalance: Rebalance,
    /// Bounds on what peers can make the server hold.
    pub limits: Limits,
    /// How long a peer may take.
    pub deadlines: Deadlines,
    /// Options of listening sockets.
    pub sockets: SocketOptions,
    /// What is done when there is more work than can be done in time.
    pub shedding: Shedding,
    /// Whose PROXY protocol headers are believed.
    pub proxies: Proxies,
    /// How shutdown proceeds.
    pub drain: Drain,
    /// How a new process takes this one's place.
    pub upgrade: Upgrade,
    /// Whether each answered request is logged (`tracing`, target `corelay::access`, level INFO).
    pub access_log: bool,
}

/// What is done when there is more work than can be done in time: past the target requests get 503 with `Retry-After`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Shedding {
    /// The longest that requests should wait before they are served. When they have waited longer for a whole interval, those that
    /// did are refused, until the wait is shorter again; and fewer service threads than
    /// [`Limits::max_service_threads`] run at a time, if more would only wait for processors. `None`: everybody waits.
    pub target: Option<Duration>,
    /// For how long a queue may be longer than that: a burst.
    pub interval: Duration,
}

impl Default for Shedding {
    fn default() -> Self {
        Self { target: None, interval: Duration::from_millis(100) }
    }
}

/// Proxies that connect where [`Server::listen_proxied`](crate::Server::listen_proxied) listens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Proxies {
    /// Their networks. Whoever connects from elsewhere is closed at once: it could name any address as its client's. Peers of
    /// a Unix socket have none, and are trusted: who may connect there is a matter of the path's permissions.
    pub trusted: Vec<IpNet>,
}

impl Default for Proxies {
    /// This machine.
    fn default() -> Self {
        let loopback = IpNet::new_assert(Ipv4Addr::new(127, 0, 0, 0).into(), 8);
        Self { trusted: vec![loopback, IpNet::from(IpAddr::from(Ipv6Addr::LOCALHOST))] }
    }
}

impl Proxies {
    pub(crate) fn trust(&self, peer: Option<SocketAddr>) -> bool {
        // An IPv6 listener shows an IPv4 peer's address mapped.
        peer.is_none_or(|peer| {
            let address = peer.ip().to_canonical();
            self.trusted.iter().any(|network| network.contains(&address))
        })
    }
}

/// How shutdown proceeds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Drain {
    /// Whether SIGTERM and SIGINT drain the server. A second one ends the process at once.
    pub on_signals: bool,
    /// How long the server says it is unready, and still serves, before it stops accepting.
    pub delay: Duration,
    /// How long requests in flight may take after that. Past it they are cut off.
    pub timeout: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self { on_signals: true, delay: Duration::ZERO, timeout: Duration::from_secs(30) }
    }
}

/// How a new process takes the place of the running one, its connections with it: `docs/upgrade.md`.
#[derive(Clone, Debug)]
pub struct Upgrade {
    /// Whether SIGUSR2 starts it.
    pub on_signal: bool,
    /// Whether this server only goes along when another one of the same process is upgraded: its listeners are passed on too, its
    /// connections drain when the process ends. For an admin listener, say. It starts no upgrade itself.
    pub follows: bool,
    /// How long the new process may take until it is ready, and then until it listens. Past it it is killed, and this process
    /// goes on as it was.
    pub ready_timeout: Duration,
    /// How long it may take for each answer while connections move to it. Past it it is killed, and what it has not taken over is
    /// taken back.
    pub answer_timeout: Duration,
    /// How long what cannot move yet, or never, may take to finish. Past it it is cut off.
    pub timeout: Duration,
}

impl Default for Upgrade {
    fn default() -> Self {
        Self {
            on_signal: true,
            follows: false,
            ready_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(600),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl std::str::FromStr for Address {
    type Err = crate::Error;

    /// `IP:PORT`, `[IPv6]:PORT`, `NAME:PORT` (looked up, the first answer counts) or `unix:PATH`.
    ///
    /// ```
    /// use corelay::config::Address;
    ///
    /// let address: Address = "127.0.0.1:8080".parse()?;
    /// assert_eq!(address.to_string(), "127.0.0.1:8080");
    /// let address: Address = "unix:/run/corelay.sock".parse()?;
    /// assert_eq!(address.to_string(), "unix:/run/corelay.sock");
    /// assert!("8080".parse::<Address>().is_err());
    /// # Ok::<(), corelay::Error>(())
    /// ```
    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let wrong = || crate::Error::Address { given: given.to_owned() };
        if let Some(path) = given.strip_prefix("unix:") {
            return if path.is_empty() { Err(wrong()) } else { Ok(Self::Unix(path.into())) };
        }
        if let Ok(address) = given.parse() {
            return Ok(Self::Tcp(address));
        }
        let mut found = std::net::ToSocketAddrs::to_socket_addrs(given).map_err(|_| wrong())?;
        found.next().map(Self::Tcp).ok_or_else(wrong)
    }
}
