//! What all threads of a server share and only read: the application, the configuration, the door counts.

use crate::buffers::Buffers;
use crate::clock::{Clock, Epoch, Tick};
use crate::config::{Config, Deadlines, Engine, Relay};
use crate::connection::Kinds;
use crate::core::MonitorBell;
use crate::http::App;
use crate::peers::{Occupancy, Refused};
use crate::pressure::Pressure;
use crate::protocol::Hosted;
use crate::restraint::Restraint;
use crate::service::ServiceThreads;
use crate::status::{Count, Counters, Phase, Row};
use crate::task::Task;
use crate::upgrade::Upgrading;
use corelay_http::{Head, Persistence};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering, fence};
use std::time::{Duration, Instant};

pub(crate) struct Shared {
    pub(crate) app: App,
    /// What serves every connection instead of HTTP, if anything does.
    pub(crate) hosted: Option<Hosted>,
    pub(crate) config: Config,
    pub(crate) http_limits: corelay_http::Limits,
    pub(crate) ticks: Ticks,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) epoch: Epoch,
    pub(crate) started: Instant,
    pub(crate) occupancy: Occupancy,
    pub(crate) restraint: Restraint,
    /// By core, listener or pool; none where nothing is shed.
    pressures: Box<[Pressure]>,
    pub(crate) service: ServiceThreads<Task>,
    /// How many there are.
    pub(crate) cores: usize,
    /// Requests and bytes of the service threads.
    pub(crate) service_counters: Arc<Counters>,
    pub(crate) door: DoorCounters,
    /// The monitor of cores, if there is one.
    pub(crate) monitor: Option<Arc<MonitorBell>>,
    pub(crate) upgrade: Upgrading,
    phase: AtomicU8,
}

/// What was turned away, and why.
#[derive(Default)]
pub(crate) struct DoorCounters {
    pub(crate) too_many: Count,
    pub(crate) too_many_of_peer: Count,
    pub(crate) untrusted_proxy: Count,
    pub(crate) no_service_thread: Count,
    pub(crate) accept_pauses: Count,
    pub(crate) no_thread: Count,
    /// That accepting fails.
    pub(crate) pauses_said: SaidRarely,
    /// That threads cannot be started.
    pub(crate) threads_said: SaidRarely,
    /// That somebody who is no trusted proxy connects where only they may.
    pub(crate) strangers_said: SaidRarely,
    /// That a proxy's connection begins without a proper header.
    pub(crate) headers_said: SaidRarely,
}

impl DoorCounters {
    pub(crate) fn count(&self, refused: Refused) {
        match refused {
            Refused::TooMany => self.too_many.add_shared(1),
            Refused::TooManyOfPeer => self.too_many_of_peer.add_shared(1),
        }
    }
}

/// Something the log says once a minute, whichever thread it happens to.
#[derive(Default)]
pub(crate) struct SaidRarely {
    /// The tick from which it may be said again.
    quiet_until: AtomicU32,
}

impl SaidRarely {
    const EVERY: Duration = Duration::from_secs(60);

    /// Whether now is the time to say it; if so, it is said.
    pub(crate) fn may_say(&self, now: Tick) -> bool {
        let until = self.quiet_until.load(Ordering::Relaxed);
        let (now, next) = (now.0, now.after(Tick::spanning(Self::EVERY)).0);
        now >= until
            && self.quiet_until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// The deadlines in ticks, worked out once.
pub(crate) struct Ticks {
    pub(crate) head: u32,
    pub(crate) body: u32,
    pub(crate) idle: u32,
    pub(crate) write: u32,
    pub(crate) linger: u32,
    pub(crate) linger_in_all: u32,
}

impl Ticks {
    fn of(deadlines: &Deadlines) -> Self {
        Self {
            head: Tick::spanning(deadlines.head_timeout),
            body: Tick::spanning(deadlines.body_timeout),
            idle: Tick::spanning(deadlines.idle_timeout),
            write: Tick::spanning(deadlines.write_timeout),
            linger: Tick::spanning(deadlines.linger_timeout),
            linger_in_all: Tick::spanning(deadlines.linger_timeout.saturating_mul(10)),
        }
    }
}

impl Shared {
    pub(crate) fn new(
        mut app: App,
        config: Config,
        clock: Arc<dyn Clock>,
        service: ServiceThreads<Task>,
        cores: usize,
    ) -> Self {
        let started = clock.now();
        let limits = &config.limits;
        app.buffers = Buffers::of(limits);
        Self {
            app,
            hosted: None,
            http_limits: corelay_http::Limits {
                head_bytes: limits.max_head_bytes,
                target_bytes: limits.max_target_bytes,
                fields: limits.max_headers,
                ..corelay_http::Limits::default()
            },
            ticks: Ticks::of(&config.deadlines),
            clock,
            epoch: Epoch::starting(started),
            started,
            occupancy: Occupancy::new(limits.max_connections, limits.max_connections_per_peer),
            restraint: Restraint::new(limits),
            pressures: (0..cores).filter_map(|_| Pressure::of(&config.shedding)).collect(),
            service,
            cores,
            service_counters: Arc::default(),
            door: DoorCounters::default(),
            monitor: (config.engine == Engine::Cores && config.relay == Relay::On).then(Arc::default),
            upgrade: Upgrading::default(),
            phase: AtomicU8::new(0),
            config,
        }
    }

    /// Serves this protocol, and not HTTP.
    pub(crate) fn hosting(self, hosted: Option<Hosted>) -> Self {
        Self { hosted, ..self }
    }

    /// What can move here from another process. A protocol's connections can if it names a form; else they drain there.
    pub(crate) fn movable_kinds(&self) -> Kinds {
        if self.hosted.is_some() && self.packed_form().is_none() { Kinds::NONE } else { Kinds::ALL }
    }

    /// The form of what the connections of its protocol keep.
    pub(crate) fn packed_form(&self) -> Option<&'static str> {
        self.hosted.as_ref()?.packed_form()
    }

    /// What was refused, by the limit that it hit.
    pub(crate) fn refused(&self) -> [(&'static str, &Count); 8] {
        [
            ("too_many_connections", &self.door.too_many),
            ("too_many_connections_of_peer", &self.door.too_many_of_peer),
            ("too_many_requests_of_peer", &self.restraint.refused_of_peer),
            ("untrusted_proxy", &self.door.untrusted_proxy),
            ("no_service_thread", &self.door.no_service_thread),
            ("no_thread", &self.door.no_thread),
            ("no_memory", &self.app.no_memory),
            ("buffered_bytes", &self.app.buffers.refused),
        ]
    }

    /// What the doors have counted, for the process after this one.
    pub(crate) fn door_row(&self) -> Row {
        self.kept_counts().map(|(name, count)| (name.to_owned(), count.read())).collect()
    }

    /// Counts on from what the process before this one has counted.
    pub(crate) fn carry_over_door(&self, row: &Row) {
        for (name, count) in self.kept_counts() {
            count.add_shared(row.get(name).copied().unwrap_or(0));
        }
    }

    fn kept_counts(&self) -> impl Iterator<Item = (&'static str, &Count)> {
        self.refused().into_iter().chain([
            ("accept_pauses", &self.door.accept_pauses),
            ("memory_given_back", &self.app.buffers.given_back),
        ])
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Serving,
            1 => Phase::Unready,
            _ => Phase::Draining,
        }
    }

    /// Phases follow each other; going back has no effect.
    pub(crate) fn enter_phase(&self, phase: Phase) {
        let number = match phase {
            Phase::Serving => 0,
            Phase::Unready => 1,
            Phase::Draining => 2,
        };
        self.phase.fetch_max(number, Ordering::Relaxed);
        // Before the cores hear of it: see `Owner::pass_on`.
        fence(Ordering::SeqCst);
    }

    /// How long work waits for the core, or the listener, of this number. `None`: nothing is shed.
    pub(crate) fn pressure(&self, number: usize) -> Option<&Pressure> {
        self.pressures.get(number)
    }

    /// Whether a service thread more would only wait for a processor; if so, a request is refused for it.
    pub(crate) fn is_crowded(&self, now_nanos: u64) -> bool {
        let crowded = self.service.is_crowded(now_nanos);
        self.restraint.shed_crowded.add_shared(u64::from(crowded));
        crowded
    }

    #[inline]
    pub(crate) fn is_draining(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == 2
    }

    /// Whether the connection goes on after the answer to `head`.
    #[inline]
    pub(crate) fn persistence(&self, head: &Head<'_>) -> Persistence {
        if self.is_draining() { Persistence::Close } else { Persistence::of(head) }
    }
}
