//! The server: listeners, cores, and a control thread that waits for signals and drains.

use crate::clock::{Clock, SystemClock};
use crate::config::{Accept, Address, Config};
use crate::core::{Acceptor, Core, Door, Ended, Message, Monitor, StopAccepting};
use crate::error::{Error, Result};
use crate::handle::{Control, Running, ServerHandle};
use crate::http::Router;
use crate::listener::Listener;
use crate::placement::Placement;
use crate::service::{ServiceThreads, Terms};
use crate::shared::Shared;
use crate::status::Phase;
use corelay_poll::{Events, Interest, Poller, Signal, Signals, Timer, Token, Trigger};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};

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
        let farewell = Arc::new(Farewells { alive: AtomicUsize::new(0), control: control.clone() });
        let (cores, acceptor) = self.open_doors(&placement, &farewell)?;
        let running = Running { shared: shared.clone(), cores: cores.clone(), control: control.clone() };
        let signals = self.signals.take();
        let mut supervisor =
            Supervisor::new(running, acceptor.as_ref().map(|(_, stop)| stop.clone()), signals, farewell)?;
        // First the handle, then the threads: the first request may ask for the status.
        self.handle.started(supervisor.running.clone());
        supervisor.start(acceptor.map(|(acceptor, _)| acceptor), &placement)?;
        let ended = supervisor.watch();
        if let Some(monitor) = &supervisor.running.shared.monitor {
            monitor.stop();
        }
        ended
    }

    /// Gives every core, or the accept thread, its listening sockets.
    fn open_doors(
        &mut self,
        placement: &Placement,
        farewell: &Arc<Farewells>,
    ) -> Result<(Vec<Arc<Core>>, Option<Accepting>)> {
        let count = placement.cores.len();
        let per_core = self.config.accept == Accept::PerCore;
        let mut doors: Vec<Vec<Door>> = (0..count).map(|_| Vec::new()).collect();
        for listener in &mut self.listeners {
            let (sockets, shared) =
                listener.sockets(if per_core { count } else { 1 }, &self.config.sockets)?;
            for (doors, socket) in doors.iter_mut().zip(sockets) {
                doors.push(Door::new(socket, shared));
            }
        }
        let central = if per_core { None } else { doors.first_mut().map(std::mem::take) };
        let cores = placement.cores.iter().zip(doors).enumerate();
        let cores: Vec<Arc<Core>> = cores
            .map(|(number, (cpu, doors))| Core::new(number, *cpu, doors, farewell.clone()))
            .map(|core| core.map(Arc::new).map_err(Error::Poll))
            .collect::<Result<_>>()?;
        let acceptor = central
            .map(|doors| Acceptor::new(doors, cores.clone(), self.config.accept).map_err(Error::Poll))
            .transpose()?;
        Ok((cores, acceptor))
    }
}

/// The accept thread to be, and how it is ended.
type Accepting = (Acceptor, StopAccepting);

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
    stop_accepting: Option<StopAccepting>,
    /// The accept thread, while there is one.
    accepting: Option<JoinHandle<()>>,
    poller: Poller,
    signals: Option<Signals>,
    timer: Timer,
    farewell: Arc<Farewells>,
}

impl Supervisor {
    fn new(
        running: Running,
        stop_accepting: Option<StopAccepting>,
        signals: Option<Signals>,
        farewell: Arc<Farewells>,
    ) -> Result<Self> {
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
        let (running, accepting) = (Arc::new(running), None);
        Ok(Self { running, stop_accepting, accepting, poller, signals, timer, farewell })
    }

    /// Starts the serving threads; returns when each of them serves.
    fn start(&mut self, acceptor: Option<Acceptor>, placement: &Placement) -> Result<()> {
        let barrier = Arc::new(Barrier::new(self.running.cores.len() + usize::from(acceptor.is_some()) + 1));
        for core in &self.running.cores {
            let (core, shared, barrier) = (core.clone(), self.running.shared.clone(), barrier.clone());
            let name = format!("corelay-core-{}", core.number);
            self.farewell.alive.fetch_add(1, Ordering::Relaxed);
            self.spawn(name, move || {
                core.pin();
                barrier.wait();
                let first = core.first_tenure();
                if let Ended::Lost(duty, owed) = core.serve(&shared, first) {
                    shared.service.roam();
                    shared.service.join(duty, || owed.into_iter().for_each(|message| core.send(message)));
                }
            })?;
        }
        if let Some(bell) = &self.running.shared.monitor {
            let monitor = Monitor::new(self.running.shared.clone(), bell.clone(), &self.running.cores);
            let cpus = placement.cpus.clone();
            self.spawn("corelay-monitor".into(), move || {
                let _ = corelay_poll::affinity::set_current_thread_cpus(&cpus);
                monitor.run();
            })?;
        }
        if let Some(acceptor) = acceptor {
            let (shared, barrier, cpus) =
                (self.running.shared.clone(), barrier.clone(), placement.cpus.clone());
            let guard = self.farewell.guard();
            self.farewell.alive.fetch_add(1, Ordering::Relaxed);
            self.accepting = Some(self.spawn("corelay-accept".into(), move || {
                let _ = corelay_poll::affinity::set_current_thread_cpus(&cpus);
                barrier.wait();
                acceptor.run(&shared);
                guard.finished();
            })?);
        }
        barrier.wait();
        Ok(())
    }

    fn spawn(&self, name: String, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
        thread::Builder::new().name(name.clone()).spawn(run).map_err(|source| Error::Thread { name, source })
    }

    /// Waits until every core has ended, or may be waited for no longer.
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
            if self.farewell.alive.load(Ordering::Acquire) == 0 {
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
        // Before the cores are told: what the accept thread still lets in must not find them gone.
        if let (Some(stop), Some(accepting)) = (&self.stop_accepting, self.accepting.take()) {
            stop.stop();
            let _ = accepting.join();
        }
        for core in &self.running.cores {
            core.send(Message::Drain);
        }
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

    /// Ends without waiting: cores are told, handlers that hang are left to the end of the process.
    fn cut_off(&self) -> Result<()> {
        let connections = self.running.shared.occupancy.open();
        for core in &self.running.cores {
            core.send(Message::Stop);
        }
        Err(Error::CutOff { connections })
    }
}

/// Counts cores, and the accept thread, out when they are done.
pub(crate) struct Farewells {
    alive: AtomicUsize,
    control: Arc<Control>,
}

impl Farewells {
    /// For the thread that serves a core.
    pub(crate) fn guard(self: &Arc<Self>) -> Guard {
        Guard(self.clone())
    }
}

/// Held while a thread serves a core: a panic in there is the end of the process.
pub(crate) struct Guard(Arc<Farewells>);

impl Guard {
    /// The core is done for.
    pub(crate) fn finished(self) {
        self.0.alive.fetch_sub(1, Ordering::Release);
        let _ = self.0.control.waker.wake();
    }

    /// Another thread has the core.
    pub(crate) fn lost(self) {}
}

impl Drop for Guard {
    fn drop(&mut self) {
        if thread::panicking() {
            // A bug of ours: half a server that hangs is worse than none, which a supervisor restarts.
            std::process::abort();
        }
    }
}
