//! The server: listeners, an engine, and a control thread that waits for signals and drains.

use crate::clock::{Clock, SystemClock};
use crate::concurrency::Concurrency;
use crate::config::{self, Address, Config};
use crate::core::Cores;
use crate::ebb::Ebb;
use crate::engine::{Engine, Parts, come_as_usual};
use crate::error::{Error, Result};
use crate::farewell::Farewells;
use crate::handle::{Control, Running, ServerHandle};
use crate::http::Router;
use crate::listener::Listener;
use crate::placement::Placement;
use crate::pool::Workers;
use crate::protocol::{self, Hosted, Protocol};
use crate::service::{ServiceThreads, Terms};
use crate::shared::Shared;
use crate::status::Phase;
use crate::threads::Threads;
use crate::upgrade::{
    Arrivals, Change, Counts, Lead, OnChange, Outcome, Predecessor, Program, ToCome, Upgrades, carry_over,
};
use corelay_poll::{Events, Interest, Poller, Signal, Signals, Timer, Token, Trigger};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// A server: bound, and ready to serve a [`Router`].
///
/// ```no_run
/// use corelay::{Router, Server};
///
/// fn main() -> corelay::Result<()> {
///     Server::bind("127.0.0.1:8080")?.serve(Router::new().get("/", || "Hello, World!"))
/// }
/// ```
pub struct Server {
    config: Config,
    listeners: Vec<Listener>,
    addresses: Vec<Address>,
    clock: Arc<dyn Clock>,
    handle: ServerHandle,
    /// Watched from the first listener on: whoever sees the address may send a signal.
    signals: Option<Signals>,
    /// What an upgrade starts.
    program: Option<Program>,
    /// The process that this one replaces.
    predecessor: Option<Arc<Predecessor>>,
    /// If this server speaks with it.
    lead: Option<Lead>,
    /// If it follows another one: from its first listener on until it serves.
    to_come: Option<ToCome>,
    on_change: OnChange,
}

impl Server {
    /// A server that listens nowhere yet.
    pub fn new(config: Config) -> Self {
        let clock = Arc::new(SystemClock);
        let handle = ServerHandle::default();
        Self {
            config,
            listeners: Vec::new(),
            addresses: Vec::new(),
            clock,
            handle,
            signals: None,
            program: None,
            predecessor: None,
            lead: None,
            to_come: None,
            on_change: Arc::new(|_| {}),
        }
    }

    /// A server with the default configuration that listens on `address`: `IP:PORT`, `[IPv6]:PORT`, `NAME:PORT` or
    /// `unix:PATH`.
    ///
    /// # Errors
    /// As [`Server::listen`], and [`Error::Address`] for a text that is no address.
    pub fn bind(address: &str) -> Result<Self> {
        Self::new(Config::default()).listen(address.parse()?)
    }

    /// Listens on one more address. Connections wait in its queue until [`Server::serve`]; so do SIGTERM and SIGINT, which
    /// are the server's from here on unless [`Drain::on_signals`](crate::config::Drain::on_signals) is off.
    ///
    /// # Errors
    /// [`Error::Bind`]: most often another server listens there. [`Error::Cores`] for processors that cannot be had:
    /// better here than after the address was announced.
    pub fn listen(self, address: Address) -> Result<Self> {
        self.listen_for(address, false)
    }

    /// As [`Server::listen`], for proxies: each connection must begin with a PROXY protocol header ([`proxy`](crate::proxy)), of
    /// version 1 or 2, which names the client. To handlers, log and limits that client is the peer. Only
    /// [`Proxies::trusted`](crate::config::Proxies::trusted) may connect here. A connection that begins otherwise closes:
    /// it is never read as if there were no header.
    ///
    /// ```
    /// use corelay::{Config, Server};
    ///
    /// let mut config = Config::default();
    /// config.proxies.trusted = vec!["10.0.0.0/24".parse().expect("a network")];
    /// let server = Server::new(config).listen_proxied("127.0.0.1:0".parse()?)?;
    /// # Ok::<(), corelay::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Server::listen`].
    pub fn listen_proxied(self, address: Address) -> Result<Self> {
        self.listen_for(address, true)
    }

    /// Listens on a socket that is bound and listens already, TCP or Unix: from a service manager, say.
    ///
    /// # Errors
    /// [`Error::Socket`] for what is no such socket; else as [`Server::listen`].
    pub fn listen_on(mut self, socket: OwnedFd) -> Result<Self> {
        self.prepare()?;
        self.add(Listener::given(socket, &self.config.sockets)?);
        Ok(self)
    }

    /// In an upgrade, listens on the sockets that the process before this one was given by [`Server::listen_on`]. Else it
    /// does nothing.
    ///
    /// # Errors
    /// As [`Server::listen`].
    pub fn listen_on_inherited(mut self) -> Result<Self> {
        self.prepare()?;
        while let Some((number, listened)) =
            self.predecessor.as_ref().and_then(|process| process.claim_given())
        {
            self.add(Listener::of_predecessor(number, &listened)?);
        }
        Ok(self)
    }

    fn listen_for(mut self, address: Address, proxied: bool) -> Result<Self> {
        self.prepare()?;
        let configured = address.to_string();
        let follows = self.config.upgrade.follows;
        let before =
            self.predecessor.as_ref().and_then(|process| process.claim(&configured, proxied, follows));
        let listener = match before {
            Some((number, listened)) => Listener::of_predecessor(number, &listened)?,
            None => Listener::bind(&address, proxied, &self.config.sockets)?,
        };
        self.add(listener);
        Ok(self)
    }

    /// Before the first listener.
    fn prepare(&mut self) -> Result<()> {
        Placement::choose(&self.config)?;
        if self.program.is_some() {
            return Ok(());
        }
        let mut signals = Vec::new();
        if self.config.drain.on_signals {
            signals.extend([Signal::Terminate, Signal::Interrupt]);
        }
        if self.config.upgrade.on_signal && !self.config.upgrade.follows {
            signals.push(Signal::User2);
        }
        if !signals.is_empty() {
            self.signals = Some(Signals::new(&signals).map_err(Error::Poll)?);
        }
        self.predecessor = Predecessor::meet()?;
        if self.config.upgrade.follows {
            self.to_come = Some(ToCome::new());
        } else {
            self.lead = self.predecessor.as_ref().map(Lead::of);
        }
        self.program = Program::this().inspect_err(|error| tracing::warn!(%error, "no upgrades")).ok();
        Ok(())
    }

    fn add(&mut self, listener: Listener) {
        self.addresses.push(listener.address().clone());
        self.listeners.push(listener);
    }

    /// Has `told` hear of each [`Change`]: on threads that serve nothing, and wait for it.
    pub fn on_change(mut self, told: impl Fn(Change) + Send + Sync + 'static) -> Self {
        self.on_change = Arc::new(told);
        self
    }

    /// Takes time from `clock` instead of the operating system: for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Whether it takes the place of a running process, by an upgrade. Known from the first listener on.
    pub fn takes_over(&self) -> bool {
        self.predecessor.is_some()
    }

    /// Where it listens, with real ports.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// A handle to look at the server and to stop it from another thread.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Serves `router` until drained: by [`ServerHandle::drain`] or, unless configured otherwise, SIGTERM or SIGINT.
    ///
    /// Raises the soft limit on open files to the hard one. Starts a thread per core, and others as work needs them.
    ///
    /// # Errors
    /// [`Error::CutOff`] when connections had to be cut off at the end; all others before anything is served.
    pub fn serve(self, router: Router) -> Result<()> {
        self.run(router, None)
    }

    /// Serves a protocol that is not HTTP, on the default [`Terms`](protocol::Terms), until drained: on all addresses that it
    /// listens on.
    ///
    /// # Errors
    /// As [`Server::serve`].
    pub fn serve_protocol(self, protocol: impl Protocol) -> Result<()> {
        self.serve_protocol_with(protocol, protocol::Terms::default())
    }

    /// As [`Server::serve_protocol`], on terms of your own.
    ///
    /// # Errors
    /// As [`Server::serve`].
    pub fn serve_protocol_with(self, protocol: impl Protocol, terms: protocol::Terms) -> Result<()> {
        self.run(Router::new(), Some(Hosted::new(protocol, terms)))
    }

    /// How many cores will serve: what [`Peer::cores`](protocol::Peer::cores) will say.
    ///
    /// # Errors
    /// [`Error::Cores`]: they cannot be had.
    pub fn cores(&self) -> Result<usize> {
        Ok(Placement::choose(&self.config)?.cores.len())
    }

    fn run(mut self, router: Router, hosted: Option<Hosted>) -> Result<()> {
        if self.listeners.is_empty() {
            return Err(Error::NoListener);
        }
        let mut app = router.state(self.handle.downgrade()).finish()?;
        app.limit_whole_bodies(self.config.limits.max_buffered_body_bytes);
        raise_open_files();
        let placement = Placement::choose(&self.config)?;
        let terms = Terms {
            threads_max: self.config.limits.max_service_threads,
            stack_bytes: self.config.limits.service_stack_bytes,
            idle: self.config.deadlines.service_idle_timeout,
            cpus: placement.cpus.clone(),
        };
        let concurrency =
            Concurrency::of(&self.config.shedding, placement.cpus.len().max(1), terms.threads_max);
        let service = ServiceThreads::new(terms, concurrency);
        let count = placement.cores.len();
        let shared = Shared::new(app, self.config.clone(), self.clock.clone(), service, count);
        let shared = Arc::new(shared.hosting(hosted));
        let (arrivals, counted) = self.inherit(&shared)?;
        let control = Arc::new(Control::new().map_err(Error::Poll)?);
        shared.app.buffers.tide.tell(control.clone());
        let farewell = Arc::new(Farewells::new(control.clone()));
        let engine = self.engine(placement, shared.clone(), farewell.clone())?;
        let running = Arc::new(Running { shared, engine, control });
        let follows = self.config.upgrade.follows;
        let passed = self.listeners.iter_mut().map(|listener| listener.passed(follows)).collect();
        let program = self.program.take().filter(|_| !follows);
        let upgrades = Upgrades::new(passed, program, self.on_change.clone(), &running);
        self.to_come = None;
        let mut supervisor = Supervisor::new(running.clone(), self.signals.take(), farewell, upgrades)?;
        // First the handle, then the threads: the first request may ask for the status.
        self.handle.started(running.clone());
        carry_over(&counted, &running);
        if self.predecessor.is_some() {
            come_as_usual();
        }
        running.engine.start()?;
        match arrivals {
            Some(arrivals) => arrivals.take_over(running.clone(), self.on_change.clone())?,
            None => (self.on_change)(Change::Serving),
        }
        let ended = supervisor.watch();
        running.engine.ended();
        ended
    }

    /// In an upgrade: says that this process is ready, and has its listeners, and what the one before has counted.
    fn inherit(&mut self, shared: &Shared) -> Result<(Option<Arrivals>, Counts)> {
        let Some(predecessor) = &self.predecessor else { return Ok((None, Counts::default())) };
        let (arrivals, counted) = match &self.lead {
            Some(lead) => {
                shared.upgrade.comes_after(predecessor.upgrades());
                shared.app.learn(predecessor.learnt_routes());
                let (arrivals, counted) = lead.be_ready(shared)?;
                (Some(arrivals), counted)
            }
            None => {
                predecessor.wait_for_listeners()?;
                (None, Counts::default())
            }
        };
        for listener in &mut self.listeners {
            listener.inherit(predecessor, &self.config.sockets);
        }
        Ok((arrivals, counted))
    }

    /// The engine, with its listening sockets.
    fn engine(
        &mut self,
        placement: Placement,
        shared: Arc<Shared>,
        farewell: Arc<Farewells>,
    ) -> Result<Arc<dyn Engine>> {
        let parts =
            Parts { config: &self.config, placement, listeners: &mut self.listeners, shared, farewell };
        Ok(match self.config.engine {
            config::Engine::Cores => Arc::new(Cores::new(parts)?),
            config::Engine::Threads => Arc::new(Threads::new(parts)?),
            config::Engine::Pool => Arc::new(Workers::new(parts)?),
        })
    }
}

/// Fewer files than hoped for is not the end: the limit is met at accept, and survived there.
fn raise_open_files() {
    if let Err(error) = corelay_poll::limits::raise_open_files() {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
}

const SIGNALS: Token = Token::new(0, 0);
const CONTROL: Token = Token::new(1, 0);
const TIMER: Token = Token::new(2, 0);
const CALM: Token = Token::new(3, 0);

/// The thread that called [`Server::serve`]: it serves nothing, and sleeps but for signals, commands and deadlines.
struct Supervisor {
    running: Arc<Running>,
    poller: Poller,
    signals: Option<Signals>,
    timer: Timer,
    ebb: Ebb,
    farewell: Arc<Farewells>,
    upgrades: Upgrades,
    /// It is to drain, once the upgrade that is under way has ended, if it does not end by that.
    drains_then: bool,
}

impl Supervisor {
    fn new(
        running: Arc<Running>,
        signals: Option<Signals>,
        farewell: Arc<Farewells>,
        upgrades: Upgrades,
    ) -> Result<Self> {
        let make = || -> std::io::Result<_> {
            let (poller, timer, ebb) = (Poller::new()?, Timer::new()?, Ebb::new()?);
            poller.add(&running.control.waker, CONTROL, Interest::READ, Trigger::Level)?;
            poller.add(&timer, TIMER, Interest::READ, Trigger::Level)?;
            poller.add(&ebb.timer, CALM, Interest::READ, Trigger::Level)?;
            if let Some(signals) = &signals {
                poller.add(signals, SIGNALS, Interest::READ, Trigger::Level)?;
            }
            Ok((poller, timer, ebb))
        };
        let (poller, timer, ebb) = make().map_err(Error::Poll)?;
        Ok(Self { running, poller, signals, timer, ebb, farewell, upgrades, drains_then: false })
    }

    /// Waits until all that serves has ended, or may be waited for no longer.
    fn watch(&mut self) -> Result<()> {
        let mut events = Events::with_capacity(8);
        loop {
            self.poller.wait(&mut events, None).map_err(Error::Poll)?;
            for event in events.iter() {
                match event.token() {
                    CONTROL => self.running.control.waker.acknowledge(),
                    TIMER => {
                        self.timer.acknowledge();
                        if self.phase_is_over() {
                            return self.cut_off();
                        }
                    }
                    CALM => self.give_memory_back(),
                    _ => {
                        while let Some(signal) = self.signals.as_ref().and_then(Signals::next) {
                            if signal == Signal::User2 {
                                if !self.upgrade() {
                                    return self.cut_off();
                                }
                            } else if self.drains_then || self.running.shared.phase() != Phase::Serving {
                                return self.cut_off();
                            } else {
                                self.begin();
                            }
                        }
                    }
                }
            }
            if self.running.control.take_upgrade_request() && !self.upgrade() {
                return self.cut_off();
            }
            self.upgrades.resume(&self.running);
            if !self.hear_outcome() {
                return self.cut_off();
            }
            if self.running.control.take_drain_request() {
                self.begin();
            }
            if self.running.control.take_ebb() {
                let buffers = &self.running.shared.app.buffers;
                self.ebb.begin(&buffers.tide, buffers.in_use());
            }
            if self.farewell.are_complete() {
                return Ok(());
            }
        }
    }

    /// After a flood of bodies, if it is calm.
    fn give_memory_back(&mut self) {
        let buffers = &self.running.shared.app.buffers;
        if self.ebb.look(&buffers.tide, buffers.in_use()) {
            buffers.given_back.add_shared(1);
        }
    }

    /// Leaves the serving phase: first unready for a while, if so configured.
    fn begin(&mut self) {
        let shared = self.running.shared.clone();
        if shared.phase() != Phase::Serving {
            return;
        }
        if self.upgrades.stop() {
            self.drains_then = true;
            return;
        }
        self.upgrades.tell(Change::Draining);
        shared.enter_phase(Phase::Unready);
        let delay = shared.config.drain.delay;
        if delay.is_zero() || self.timer.set_after(delay).is_err() {
            self.drain();
        } else {
            tracing::info!(?delay, "unready: still serving");
        }
    }

    /// Begins an upgrade. One that is over is heard of before, or this one would be refused because of it. `false`: as
    /// [`hear_outcome`](Self::hear_outcome) says.
    fn upgrade(&mut self) -> bool {
        let goes_on = self.hear_outcome();
        if goes_on {
            self.upgrades.begin(&self.running);
        }
        goes_on
    }

    /// If an upgrade has ended, does what follows. `false`: what is left now was to have finished before.
    fn hear_outcome(&mut self) -> bool {
        match self.upgrades.outcome() {
            None => {}
            Some(Outcome::Upgraded { cut_off: true, .. }) => return false,
            Some(Outcome::Upgraded { cut_off: false, .. }) => self.drain(),
            Some(Outcome::NotUpgraded { drain, .. }) => {
                let drains = std::mem::take(&mut self.drains_then) || drain;
                if drains {
                    self.begin();
                }
            }
        }
        true
    }

    fn drain(&mut self) {
        self.upgrades.forget_listeners();
        let shared = self.running.shared.clone();
        tracing::info!(open = shared.occupancy.open(), "draining");
        shared.enter_phase(Phase::Draining);
        self.running.engine.drain();
        if self.timer.set_after(shared.config.drain.timeout).is_err() {
            tracing::error!("no timer: draining has no end but a second signal");
        }
    }

    /// The timer of the present phase has fired. `true`: there is no next phase.
    fn phase_is_over(&mut self) -> bool {
        let draining = self.running.shared.phase() == Phase::Draining;
        if !draining {
            self.drain();
        }
        draining
    }

    /// Ends without waiting: the engine is told, handlers that hang are left to the end of the process.
    fn cut_off(&self) -> Result<()> {
        let connections = self.running.shared.occupancy.open();
        self.running.engine.cut_off();
        Err(Error::CutOff { connections })
    }
}
