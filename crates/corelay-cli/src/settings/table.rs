//! The table of settings: one row each, in the order of `--help`.
//!
//! A row's name is the flag; `CORELAY_` and the name in capitals is the variable; the name, with dashes or
//! underscores, is the key in the file. `default` is text like any other, and a test applies it: what help
//! says cannot drift from what the library does.

use corelay::config::{Accept, Cores, Engine, Pin, Rebalance, Relay, ThreadsWake};

use super::value::{self, Takes};
use super::{LogFormat, Options, admin, memory, overload, proxies, sockets};

/// One setting of `corelay serve`.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The flag without its two dashes.
    pub(crate) name: &'static str,
    /// The heading it stands under in help.
    pub(crate) group: &'static str,
    /// What it takes, for help and for error messages.
    pub(crate) takes: &'static Takes,
    /// Text that means the default; `None` where leaving it out is not a value.
    pub(crate) default: Option<&'static str>,
    /// The setting it cannot be given together with.
    pub(crate) excludes: Option<&'static str>,
    /// The first line is for `-h`; all of it for `--help`: unit, what happens past it, what it costs.
    pub(crate) help: &'static str,
    /// How its text is read and stored.
    pub(crate) set: Set,
}

/// How a setting's text is read and stored. `None` where the text is not what it takes.
#[derive(Debug)]
pub(crate) enum Set {
    /// One value.
    One(fn(&mut Options, &str) -> Option<()>),
    /// A value that the bare flag means `true` by.
    Switch(fn(&mut Options, bool)),
    /// A list: a flag given again, commas, or an array in the file.
    Many(fn(&mut Options, &[String]) -> Option<()>),
}

/// Stores a value that was read; nothing where it was refused.
pub(super) fn put<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

pub(super) const SERVING: &str = "Serving";
pub(super) const LIMITS: &str = "Limits";
const DEADLINES: &str = "Deadlines";
const SHUTDOWN: &str = "Shutdown";
const UPGRADE: &str = "Upgrade";
pub(super) const LOGGING: &str = "Logging";
const TESTING: &str = "Testing";

const ENGINE: Takes = Takes { name: "ENGINE", expected: "`cores`, `threads` or `pool`" };
const PIN: Takes = Takes { name: "WHEN", expected: "`auto`, `on` or `off`" };
const THREADS_WAKE: Takes = Takes { name: "HOW", expected: "`epoll` or `blocking`" };
const RELAY: Takes = Takes { name: "WHETHER", expected: "`on` or `off`" };
const ACCEPT: Takes = Takes { name: "MODE", expected: "`per-core`, `dispatch` or `round-robin`" };
const LOG: Takes = Takes { name: "FORMAT", expected: "`text`, `json` or `off`" };

/// Every setting.
pub(crate) static SETTINGS: &[Setting] = &[
    Setting {
        name: "listen",
        group: SERVING,
        takes: &value::ADDRESS,
        default: Some("127.0.0.1:8080"),
        excludes: None,
        help: "Where to listen: IP:PORT, NAME:PORT or unix:PATH; may be repeated\n\n\
               Port 0 lets the kernel choose; the address in use is printed. Several are separated by \
               commas, also in the variable; a path with a comma in it can be given in the file only. Sockets that \
               systemd hands over are served besides, or instead if nothing is said here.",
        set: Set::Many(|o, texts| put(&mut o.listen, value::addresses(texts))),
    },
    proxies::LISTEN,
    proxies::TRUSTED,
    Setting {
        name: "engine",
        group: SERVING,
        takes: &ENGINE,
        default: Some("cores"),
        excludes: None,
        help: "The threading model: cores, threads or pool\n\n\
               cores: one pinned thread per core, each with its own poller and connections. threads: a thread \
               per connection, which a listener wakes when there is something to read. pool: workers that share one \
               poller and all connections.",
        set: Set::One(|o, text| {
            let engine = match text {
                "cores" => Some(Engine::Cores),
                "threads" => Some(Engine::Threads),
                "pool" => Some(Engine::Pool),
                _ => None,
            };
            put(&mut o.config.engine, engine)
        }),
    },
    Setting {
        name: "cores",
        group: SERVING,
        takes: &value::COUNT_OR_ALL,
        default: Some("all"),
        excludes: Some("cpus"),
        help: "How many processors serve\n\n\
               all: every one in the affinity mask, and no more than a cgroup quota allows, rounded up.",
        set: Set::One(|o, text| {
            let count = value::unless("all", text, |text| value::count(text, 1..));
            put(&mut o.config.cores, count.map(|count| count.map_or(Cores::All, Cores::Count)))
        }),
    },
    Setting {
        name: "cpus",
        group: SERVING,
        takes: &value::CPUS,
        default: None,
        excludes: Some("cores"),
        help: "Which processors serve: numbers and ranges, such as 0,2-3\n\n\
               Cannot be combined with --cores.",
        set: Set::Many(|o, texts| put(&mut o.config.cores, value::cpus(texts).map(Cores::Cpus))),
    },
    Setting {
        name: "pin",
        group: SERVING,
        takes: &PIN,
        default: Some("auto"),
        excludes: None,
        help: "Whether each core's thread is bound to its processor\n\n\
               auto: bound, unless a cgroup quota set the number of cores (a quota is time, not a place); with the \
               engine cores and --relay on, a core beside another busy process is let off its processor for a \
               while. on: bound. off: left to the scheduler.",
        set: Set::One(|o, text| {
            let pin = match text {
                "auto" => Some(Pin::Auto),
                "on" => Some(Pin::On),
                "off" => Some(Pin::Off),
                _ => None,
            };
            put(&mut o.config.pin, pin)
        }),
    },
    Setting {
        name: "threads-wake",
        group: SERVING,
        takes: &THREADS_WAKE,
        default: Some("epoll"),
        excludes: None,
        help: "What wakes a connection's thread, with --engine threads\n\n\
               epoll: a listener, which waits for all sockets at once. blocking: nobody, the thread waits for its own \
               socket in a system call; to compare.",
        set: Set::One(|o, text| {
            let wake = match text {
                "epoll" => Some(ThreadsWake::Epoll),
                "blocking" => Some(ThreadsWake::Blocking),
                _ => None,
            };
            put(&mut o.config.threads_wake, wake)
        }),
    },
    Setting {
        name: "relay",
        group: SERVING,
        takes: &RELAY,
        default: Some("on"),
        excludes: None,
        help: "Whether a core whose handler blocks is passed to another thread\n\n\
               on: within about two milliseconds. off: a handler that blocks stalls its core, as in an event loop; \
               to compare.",
        set: Set::One(|o, text| {
            let relay = match text {
                "on" => Some(Relay::On),
                "off" => Some(Relay::Off),
                _ => None,
            };
            put(&mut o.config.relay, relay)
        }),
    },
    Setting {
        name: "rebalance",
        group: SERVING,
        takes: &RELAY,
        default: Some("on"),
        excludes: None,
        help: "Whether a core that is much busier than another passes its hottest connections on\n\n\
               on: when one core wanted its processor for 25 % more of the time than another, for half a second. off: a \
               connection stays on the core that got it. Without `--relay on` nothing watches, and none is passed.",
        set: Set::One(|o, text| {
            let rebalance = match text {
                "on" => Some(Rebalance::On),
                "off" => Some(Rebalance::Off),
                _ => None,
            };
            put(&mut o.config.rebalance, rebalance)
        }),
    },
    Setting {
        name: "accept",
        group: SERVING,
        takes: &ACCEPT,
        default: Some("per-core"),
        excludes: None,
        help: "How new connections reach a core\n\n\
               per-core: each core has a listener of its own (SO_REUSEPORT) and the kernel spreads \
               connections by a hash; no hand-over, but unlucky hashes pile up. dispatch: one accept \
               thread relays each connection to the less loaded of two random cores. round-robin: one \
               accept thread relays to the cores in turn. The last two cost a thread and a wake-up for \
               each connection.",
        set: Set::One(|o, text| {
            let accept = match text {
                "per-core" => Some(Accept::PerCore),
                "dispatch" => Some(Accept::Dispatch),
                "round-robin" => Some(Accept::RoundRobin),
                _ => None,
            };
            put(&mut o.config.accept, accept)
        }),
    },
    Setting {
        name: "max-connections",
        group: LIMITS,
        takes: &value::COUNT,
        default: Some("1000000"),
        excludes: None,
        help: "Open connections in all; past it a new one gets 503 with Retry-After and is closed",
        set: Set::One(|o, text| put(&mut o.config.limits.max_connections, value::count(text, 1..))),
    },
    Setting {
        name: "max-connections-per-peer",
        group: LIMITS,
        takes: &value::COUNT_OR_OFF,
        default: Some("off"),
        excludes: None,
        help: "Open connections of one peer address, of IPv6 of one /64; past it a new one gets 503 and is closed\n\n\
               Behind a proxy or a NAT all users share one address: off unless you know your peers.",
        set: Set::One(|o, text| {
            put(
                &mut o.config.limits.max_connections_per_peer,
                value::unless("off", text, |text| value::count(text, 1..)),
            )
        }),
    },
    overload::MAX_REQUEST_RATE_PER_PEER,
    overload::REQUEST_BURST_PER_PEER,
    overload::MAX_RATED_PEERS,
    Setting {
        name: "max-head-bytes",
        group: LIMITS,
        takes: &value::HEAD_SIZE,
        default: Some("16k"),
        excludes: None,
        help: "Request line and header fields together, in bytes; past it 431, or 414 within the request \
               line\n\n\
               A connection with an unfinished head holds up to this much memory.",
        set: Set::One(|o, text| put(&mut o.config.limits.max_head_bytes, value::head_size(text))),
    },
    Setting {
        name: "max-target-bytes",
        group: LIMITS,
        takes: &value::HEAD_SIZE,
        default: Some("8k"),
        excludes: None,
        help: "Request target, in bytes; past it 414",
        set: Set::One(|o, text| put(&mut o.config.limits.max_target_bytes, value::head_size(text))),
    },
    Setting {
        name: "max-headers",
        group: LIMITS,
        takes: &value::COUNT,
        default: Some("100"),
        excludes: None,
        help: "Header fields of one request; past it 431",
        set: Set::One(|o, text| put(&mut o.config.limits.max_headers, value::count(text, 1..))),
    },
    Setting {
        name: "max-body-bytes",
        group: LIMITS,
        takes: &value::SIZE,
        default: Some("1t"),
        excludes: None,
        help: "Body of any one request, in bytes; past it 413\n\n\
               A streamed body is not held in memory, whatever its size.",
        set: Set::One(|o, text| put(&mut o.config.limits.max_body_bytes, value::size(text))),
    },
    memory::MAX_BUFFERED_BODY_BYTES,
    memory::MAX_BUFFERED_BYTES,
    Setting {
        name: "max-unread-body-bytes",
        group: LIMITS,
        takes: &value::SIZE,
        default: Some("256k"),
        excludes: None,
        help: "Body its handler left unread that is read and dropped to keep the connection, in bytes\n\n\
               Past it the connection closes after the answer.",
        set: Set::One(|o, text| put(&mut o.config.limits.max_unread_body_bytes, value::size(text))),
    },
    Setting {
        name: "max-pipelined",
        group: LIMITS,
        takes: &value::COUNT,
        default: Some("64"),
        excludes: None,
        help: "Pipelined requests of one connection answered before the core turns to others\n\n\
               Higher: fewer sends for a greedy client. Lower: a shorter wait for everybody else.",
        set: Set::One(|o, text| put(&mut o.config.limits.max_pipelined, value::count(text, 1..))),
    },
    Setting {
        name: "max-service-threads",
        group: LIMITS,
        takes: &value::COUNT,
        default: Some("2048"),
        excludes: None,
        help: "Threads that run blocking work; past it 503 with Retry-After",
        set: Set::One(|o, text| put(&mut o.config.limits.max_service_threads, value::count(text, 1..))),
    },
    Setting {
        name: "service-stack-bytes",
        group: LIMITS,
        takes: &value::STACK_SIZE,
        default: Some("2m"),
        excludes: None,
        help: "Stack of a service thread, in bytes of address space\n\n\
               Memory is used as it is touched. A handler may run on a service thread or on a core's.",
        set: Set::One(|o, text| put(&mut o.config.limits.service_stack_bytes, value::stack_size(text))),
    },
    Setting {
        name: "thread-stack-bytes",
        group: LIMITS,
        takes: &value::STACK_SIZE,
        default: Some("256k"),
        excludes: None,
        help: "Stack of a connection's thread, with --engine threads, in bytes of address space\n\n\
               Handlers run on it. Memory is used as it is touched, and page tables by the 2 MiB: smaller stacks share \
               them. A stack that overflows ends the process.",
        set: Set::One(|o, text| put(&mut o.config.limits.thread_stack_bytes, value::stack_size(text))),
    },
    Setting {
        name: "max-idle-threads",
        group: LIMITS,
        takes: &value::COUNT,
        default: Some("64"),
        excludes: None,
        help: "Threads each listener keeps for connections to come, with --engine threads",
        set: Set::One(|o, text| put(&mut o.config.limits.max_idle_threads, value::count(text, 1..))),
    },
    proxies::MAX_HEADER_BYTES,
    Setting {
        name: "head-timeout",
        group: DEADLINES,
        takes: &value::TIMEOUT,
        default: Some("10s"),
        excludes: None,
        help: "For a whole request head, and from accept to the first request; past it 408",
        set: Set::One(|o, text| put(&mut o.config.deadlines.head_timeout, value::timeout(text))),
    },
    Setting {
        name: "body-timeout",
        group: DEADLINES,
        takes: &value::TIMEOUT,
        default: Some("30s"),
        excludes: None,
        help: "Longest silence within a request body; past it 408",
        set: Set::One(|o, text| put(&mut o.config.deadlines.body_timeout, value::timeout(text))),
    },
    Setting {
        name: "min-body-rate",
        group: DEADLINES,
        takes: &value::RATE,
        default: Some("64"),
        excludes: None,
        help: "Least rate of a request body, in bytes per second; below it 408; 0: none\n\n\
               The average since the head, judged only after --body-timeout has passed once.",
        set: Set::One(|o, text| put(&mut o.config.deadlines.min_body_rate, value::size(text))),
    },
    Setting {
        name: "idle-timeout",
        group: DEADLINES,
        takes: &value::TIMEOUT,
        default: Some("75s"),
        excludes: None,
        help: "Silence between two requests; past it the connection closes without a word",
        set: Set::One(|o, text| put(&mut o.config.deadlines.idle_timeout, value::timeout(text))),
    },
    Setting {
        name: "write-timeout",
        group: DEADLINES,
        takes: &value::TIMEOUT,
        default: Some("30s"),
        excludes: None,
        help: "Longest time in which a peer takes no byte of an answer; past it the connection closes",
        set: Set::One(|o, text| put(&mut o.config.deadlines.write_timeout, value::timeout(text))),
    },
    Setting {
        name: "min-write-rate",
        group: DEADLINES,
        takes: &value::RATE,
        default: Some("64"),
        excludes: None,
        help: "Least rate at which a peer takes an answer, in bytes per second; below it the connection closes; 0: none\n\n\
               What the peer has acknowledged counts, from when the kernel did not take all of an answer until it has all \
               of it. In any span of that time the peer must take what the rate wants in the span less --write-timeout.",
        set: Set::One(|o, text| put(&mut o.config.deadlines.min_write_rate, value::size(text))),
    },
    Setting {
        name: "linger-timeout",
        group: DEADLINES,
        takes: &value::DURATION,
        default: Some("2s"),
        excludes: None,
        help: "After an answer that closes: longest silence while input is still read and dropped\n\n\
               So that the answer reaches a peer that is still sending, and is not lost to a reset. A peer \
               that goes on sending is cut off after ten times as long.",
        set: Set::One(|o, text| put(&mut o.config.deadlines.linger_timeout, value::duration(text))),
    },
    Setting {
        name: "service-idle-timeout",
        group: DEADLINES,
        takes: &value::DURATION,
        default: Some("10s"),
        excludes: None,
        help: "How long a service thread waits for work before it ends",
        set: Set::One(|o, text| put(&mut o.config.deadlines.service_idle_timeout, value::duration(text))),
    },
    overload::SHED_TARGET,
    overload::SHED_INTERVAL,
    sockets::BACKLOG,
    sockets::NOTSENT_LOWAT,
    sockets::DEFER_ACCEPT,
    sockets::ABORTIVE_CLOSE,
    Setting {
        name: "drain",
        group: SHUTDOWN,
        takes: &value::DURATION,
        default: Some("30s"),
        excludes: None,
        help: "How long requests in flight may take after SIGTERM or SIGINT; past it they are cut off, \
               exit 1",
        set: Set::One(|o, text| put(&mut o.config.drain.timeout, value::duration(text))),
    },
    Setting {
        name: "drain-delay",
        group: SHUTDOWN,
        takes: &value::DURATION,
        default: Some("0s"),
        excludes: None,
        help: "How long to say unready, and still serve, before the drain begins\n\n\
               For load balancers that need a while to notice. Comes before the time of --drain.",
        set: Set::One(|o, text| put(&mut o.config.drain.delay, value::duration(text))),
    },
    Setting {
        name: "pid-file",
        group: UPGRADE,
        takes: &admin::FILE,
        default: Some("off"),
        excludes: None,
        help: "Write the id of the process that serves to this file\n\n\
               After an upgrade the new process writes it, when the old one has handed over all. `corelay upgrade \
               --pid-file FILE` reads it. Removed at the end. A file that cannot be written is exit status 1.",
        set: Set::One(|o, text| put(&mut o.pid_file, value::unless("off", text, value::path))),
    },
    Setting {
        name: "upgrade-timeout",
        group: UPGRADE,
        takes: &value::DURATION,
        default: Some("10m"),
        excludes: None,
        help: "How long what cannot move to the new process may take to finish; past it it is cut off\n\n\
               Requests in a handler and bodies under way finish where they are, and their connections \
               follow. Upgraded connections (WebSocket, CONNECT) stay. The old process ends when it holds \
               nothing, or after this long, with exit status 1.",
        set: Set::One(|o, text| put(&mut o.config.upgrade.timeout, value::duration(text))),
    },
    Setting {
        name: "upgrade-ready-timeout",
        group: UPGRADE,
        takes: &value::TIMEOUT,
        default: Some("30s"),
        excludes: None,
        help: "How long the new process may take until it is ready, and then until it listens\n\n\
               Past it it is killed, and this process goes on as it was.",
        set: Set::One(|o, text| put(&mut o.config.upgrade.ready_timeout, value::timeout(text))),
    },
    Setting {
        name: "upgrade-answer-timeout",
        group: UPGRADE,
        takes: &value::TIMEOUT,
        default: Some("5s"),
        excludes: None,
        help: "How long the new process may take for each answer while connections move\n\n\
               Past it it is killed, and this process takes back what was not the new one's yet.",
        set: Set::One(|o, text| put(&mut o.config.upgrade.answer_timeout, value::timeout(text))),
    },
    Setting {
        name: "log",
        group: LOGGING,
        takes: &LOG,
        default: Some("text"),
        excludes: None,
        help: "How log lines look, on standard error: text, json or off\n\n\
               A thread of its own writes them from a bounded queue. A serving thread never waits for it: \
               when the queue is full lines are dropped, and the log says how many.",
        set: Set::One(|o, text| {
            let log = match text {
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                "off" => Some(LogFormat::Off),
                _ => None,
            };
            put(&mut o.log, log)
        }),
    },
    admin::LOG_LEVEL,
    Setting {
        name: "access-log",
        group: LOGGING,
        takes: &value::SWITCH,
        default: Some("false"),
        excludes: None,
        help: "Log each answered request: peer, method, target, status, bytes, duration in microseconds\n\n\
               Formatting the line costs the serving thread about 2 microseconds a request, 3 in JSON.",
        set: Set::Switch(|o, on| o.config.access_log = on),
    },
    admin::ADMIN,
    admin::TOKEN_FILE,
    Setting {
        name: "fault-routes",
        group: TESTING,
        takes: &value::SWITCH,
        default: Some("false"),
        excludes: None,
        help: "Serve /fault/…, routes whose handlers misbehave: for tests, never for the public\n\n\
               /fault/panic panics. /fault/hang never returns. /fault/allocate/{bytes} takes that much memory, or what \
               there is of it, and gives it back.",
        set: Set::Switch(|o, on| o.fault_routes = on),
    },
];

impl Setting {
    /// The flag: `--max-headers`.
    pub(crate) fn flag(&self) -> String {
        format!("--{}", self.name)
    }

    /// The variable: `CORELAY_MAX_HEADERS`.
    pub(crate) fn variable(&self) -> String {
        format!("CORELAY_{}", self.name.replace('-', "_").to_ascii_uppercase())
    }

    /// Reads the texts of one source and stores the value; `None` where they are not what the setting takes.
    pub(crate) fn apply(&self, options: &mut Options, texts: &[String]) -> Option<()> {
        match (&self.set, texts) {
            (Set::One(set), [text]) => set(options, text),
            (Set::Switch(set), [text]) => value::switch(text).map(|on| set(options, on)),
            (Set::Many(set), texts) => set(options, texts),
            (Set::One(_) | Set::Switch(_), _) => None,
        }
    }
}
