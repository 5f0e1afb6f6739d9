//! A server seen from outside its threads: its status, and the way to stop it.

use crate::engine::Engine;
use crate::http::{FromRequest, Request, StatusCode};
use crate::shared::Shared;
use crate::status::{Phase, ServiceStatus, Status};
use corelay_poll::Waker;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// Looks at a [`Server`](crate::Server) and stops it, from any thread. Cheap to clone.
///
/// ```
/// use corelay::{Router, Server};
///
/// let server = Server::bind("127.0.0.1:0")?;
/// let handle = server.handle();
/// let serving = std::thread::spawn(|| server.serve(Router::new()));
/// handle.drain();                                 // before it serves, or later
/// serving.join().expect("no panic")?;
/// assert_eq!(handle.status().connections, 0);
/// # Ok::<(), corelay::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct ServerHandle(Arc<Inner>);

/// What finds the server as long as somebody has its [`ServerHandle`]; the server itself has one while it serves.
pub(crate) struct WeakHandle(Weak<Inner>);

#[derive(Default)]
struct Inner {
    running: OnceLock<Arc<Running>>,
    drain_early: AtomicBool,
}

/// The parts of a server that is serving.
pub(crate) struct Running {
    pub(crate) shared: Arc<Shared>,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) control: Arc<Control>,
}

/// How other threads reach the supervisor.
pub(crate) struct Control {
    pub(crate) waker: Waker,
    drain: AtomicBool,
    upgrade: AtomicBool,
    ebb: AtomicBool,
}

impl Control {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            waker: Waker::new()?,
            drain: AtomicBool::new(false),
            upgrade: AtomicBool::new(false),
            ebb: AtomicBool::new(false),
        })
    }

    fn request_drain(&self) {
        self.request(&self.drain);
    }

    /// A flood of bodies has ebbed.
    pub(crate) fn tell_of_ebb(&self) {
        self.request(&self.ebb);
    }

    pub(crate) fn take_ebb(&self) -> bool {
        self.ebb.swap(false, Ordering::AcqRel)
    }

    fn request(&self, what: &AtomicBool) {
        what.store(true, Ordering::Release);
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "the supervisor could not be woken");
        }
    }

    pub(crate) fn take_upgrade_request(&self) -> bool {
        self.upgrade.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn take_drain_request(&self) -> bool {
        self.drain.swap(false, Ordering::AcqRel)
    }
}

impl ServerHandle {
    /// What the server is doing. Before it serves, all is zero.
    pub fn status(&self) -> Status {
        self.0.running.get().map_or_else(Status::not_serving, |running| running.status())
    }

    /// Where the server is in its life, without waiting for anything; `None` before it serves.
    ///
    /// ```
    /// use corelay::{Config, Server};
    ///
    /// assert_eq!(Server::new(Config::default()).handle().phase(), None);
    /// ```
    pub fn phase(&self) -> Option<Phase> {
        self.0.running.get().map(|running| running.shared.phase())
    }

    /// Stops accepting, lets requests in flight finish, and has [`Server::serve`](crate::Server::serve) return. May be
    /// called at any time, and more than once.
    pub fn drain(&self) {
        self.0.drain_early.store(true, Ordering::SeqCst);
        if let Some(running) = self.0.running.get() {
            running.control.request_drain();
        }
    }

    /// Has a new process take this one's place, as SIGUSR2 does: the program that runs, found again where it was started from,
    /// with the same arguments and the same environment. The connections move there. What becomes of it is told by
    /// [`Server::on_change`](crate::Server::on_change). Does nothing before it serves.
    pub fn upgrade(&self) {
        if let Some(running) = self.0.running.get() {
            running.control.request(&running.control.upgrade);
        }
    }

    #[cfg(test)]
    pub(crate) fn cores(&self) -> Vec<Arc<crate::core::Core>> {
        self.0.running.get().map_or_else(Vec::new, |running| running.engine.cores())
    }

    /// A handle for the server's own application: held by the server, it must not hold the server in turn.
    pub(crate) fn downgrade(&self) -> WeakHandle {
        WeakHandle(Arc::downgrade(&self.0))
    }

    pub(crate) fn started(&self, running: Arc<Running>) {
        let running = self.0.running.get_or_init(|| running);
        if self.0.drain_early.load(Ordering::SeqCst) {
            running.control.request_drain();
        }
    }
}

impl std::fmt::Debug for ServerHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ServerHandle").field("serving", &self.0.running.get().is_some()).finish()
    }
}

impl Running {
    fn status(&self) -> Status {
        let shared = &self.shared;
        let phase = shared.phase();
        let uptime = shared.clock.now().saturating_duration_since(shared.started);
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            engine: shared.config.engine.name().to_owned(),
            phase,
            ready: phase == Phase::Serving,
            pid: std::process::id(),
            upgrades: shared.upgrade.before(),
            uptime_s: uptime.as_secs_f64(),
            connections: shared.occupancy.open() as u64,
            buffered_bytes: shared.app.buffers.in_use() as u64,
            buffered_bytes_max: shared.app.buffers.bytes_max() as u64,
            memory_given_back: shared.app.buffers.given_back.read(),
            shed: [("late", &shared.restraint.shed_late), ("crowded", &shared.restraint.shed_crowded)]
                .map(|(name, count)| (name.to_owned(), count.read()))
                .into(),
            refused: shared.refused().map(|(name, count)| (name.to_owned(), count.read())).into(),
            accept_pauses: shared.door.accept_pauses.read(),
            cores: self.engine.status(),
            service: self.service_status(),
            learnt_routes: shared.app.learnt_routes(),
        }
    }

    fn service_status(&self) -> ServiceStatus {
        let (threads, standby) = self.shared.service.count();
        let counters = &self.shared.service_counters;
        ServiceStatus {
            threads: threads as u64,
            standby: standby as u64,
            threads_max: self.shared.service.threads_max() as u64,
            threads_limit: self.shared.service.limit() as u64,
            requests: counters.requests.read(),
            received_bytes: counters.received_bytes.read(),
            sent_bytes: counters.sent_bytes.read(),
            handler_ms: counters.handler_ns.read() as f64 / 1e6,
            refused: self.shared.door.no_service_thread.read(),
            handler_panics: counters.handler_panics.read(),
        }
    }
}

/// Extractor: the status of the server that serves the request, for a route such as `/status`.
///
/// ```no_run
/// use corelay::{Router, Server, http::Json, status::ServerStatus};
///
/// # fn main() -> corelay::Result<()> {
/// let app = Router::new().get("/status", |status: ServerStatus| Json(status.read()));
/// Server::bind("127.0.0.1:8080")?.serve(app)
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ServerStatus(ServerHandle);

impl ServerStatus {
    /// The counters as they are now.
    pub fn read(&self) -> Status {
        self.0.status()
    }
}

impl FromRequest for ServerStatus {
    /// Under a [`TestClient`](crate::http::TestClient) there is no server.
    type Rejection = (StatusCode, &'static str);

    fn from_request(request: &mut Request<'_>) -> Result<Self, Self::Rejection> {
        let handle = request.state::<WeakHandle>().and_then(|handle| handle.0.upgrade());
        handle
            .map(|handle| Self(ServerHandle(handle)))
            .ok_or((StatusCode::SERVICE_UNAVAILABLE, "no server is serving this"))
    }
}
