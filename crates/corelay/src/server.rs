//! The server: listeners, an engine, and a control thread that waits for signals and drains.

use crate::clock::{Clock, SystemClock};
use crate::config::{self, Address, Config};
use crate::core::Cores;
use crate::engine::{Engine, Parts};
use crate::error::{Error, Result};
use crate::farewell::Farewells;
use crate::handle::{Control, Running, ServerHandle};
use crate::http::Router;
use crate::listener::Listener;
use crate::placement::Placement;
use crate::pool::Workers;
use crate::service::{ServiceThreads, Terms};
use crate::shared::Shared;
use crate::status::Phase;
use crate::threads::Threads;
use corelay_poll::{Events, Interest, Poller, Signal, Signals, Timer, Token, Trigger};
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
}

impl Server {
    /// A server that listens nowhere yet.
    pub fn new(config: Config) -> Self {
        let clock = Arc::new(SystemClock);
        let handle = ServerHandle::default();
        Self { config, listeners: Vec::new(), addresses: Vec::new(), clock, handle, signals: None }
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
    pub fn listen(mut self, address: Address) -> Result<Self> {
        Placement::choose(&self.config)?;
        if self.config.drain.on_signals && self.signals.is_none() {
            self.signals = Some(Signals::new(&[Signal::Terminate, Signal::Interrupt]).map_err(Error::Poll)?);
        }
        let listener = Listener::bind(&address, &self.config.sockets)?;
        self.addresses.push(listener.address().clone());
        self.listeners.push(listener);
        Ok(self)
    }

    /// Takes time from `clock` instead of the operating system: for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
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
    pub fn serve(mut self, router: Router) -> Result<()> {
        if self.listeners.is_empty() {
            return Err(Error::NoListener);
        }
        let mut app = router.state(self.handle.downgrade()).finish()?;
        app.limit_whole_bodies(self.config.limits.max_buffered_body_bytes);
        raise_open_files();
        let placement = Placement::choose(&self.config)?;
        let service = ServiceThreads::new(Terms {
            threads_max: self.config.limits.max_service_threads,
            stack_bytes: self.config.limits.service_stack_bytes,
            idle: self.config.deadlines.service_idle_timeout,
            cpus: placement.cpus.clone(),
        });
        let count = placement.cores.len();
        let shared = Arc::new(Shared::new(app, self.config.clone(), self.clock.clone(), service, count));
        let control = Arc::new(Control::new().map_err(Error::Poll)?);
        let farewell = Arc::new(Farewells::new(control.clone()));
        let engine = self.engine(placement, shared.clone(), farewell.clone())?;
        let running = Arc::new(Running { shared, engine, control });
        let mut supervisor = Supervisor::new(running.clone(), self.signals.take(), farewell)?;
        // First the handle, then the threads: the first request may ask for the status.
        self.handle.started(running.clone());
        running.engine.start()?;
        let ended = supervisor.watch();
        running.engine.ended();
        ended
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

/// The thread that called [`Server::serve`]: it serves nothing, and sleeps but for signals, commands and deadlines.
struct Supervisor {
    running: Arc<Running>,
    poller: Poller,
    signals: Option<Signals>,
    timer: Timer,
    farewell: Arc<Farewells>,
}

impl Supervisor {
    fn new(running: Arc<Running>, signals: Option<Signals>, farewell: Arc<Farewells>) -> Result<Self> {
        let make = || -> std::io::Result<_> {
            let (poller, timer) = (Poller::new()?, Timer::new()?);
            poller.add(&running.control.waker, CONTROL, Interest::READ, Trigger::Level)?;
            poller.add(&timer, TIMER, Interest::READ, Trigger::Level)?;
            if let Some(signals) = &signals {
                poller.add(signals, SIGNALS, Interest::READ, Trigger::Level)?;
            }
            Ok((poller, timer))
        };
        let (poller, timer) = make().map_err(Error::Poll)?;
        Ok(Self { running, poller, signals, timer, farewell })
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
                    _ => {
                        while self.signals.as_ref().and_then(Signals::next).is_some() {
                            if self.running.shared.phase() != Phase::Serving {
                                return self.cut_off();
                            }
                            self.begin();
                        }
                    }
                }
            }
            if self.running.control.take_drain_request() {
                self.begin();
            }
            if self.farewell.are_complete() {
                return Ok(());
            }
        }
    }

    /// Leaves the serving phase: first unready for a while, if so configured.
    fn begin(&mut self) {
        let shared = self.running.shared.clone();
        if shared.phase() != Phase::Serving {
            return;
        }
        shared.enter_phase(Phase::Unready);
        let delay = shared.config.drain.delay;
        if delay.is_zero() || self.timer.set_after(delay).is_err() {
            self.drain();
        } else {
            tracing::info!(?delay, "unready: still serving");
        }
    }

    fn drain(&mut self) {
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
