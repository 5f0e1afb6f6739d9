//! The admin listener: status, metrics, health, drain and log level, away from the traffic it tells about.
//!
//! It is a server of its own, on a thread of its own, and shares nothing with the serving threads but their counters. So it
//! answers while every core is at its limit: a thread that mostly sleeps is given a processor at once, and no queue of the
//! server's is before it. Made of the library's public parts, as any program could do it.
//!
//! ```text
//!   GET  /status     the status in JSON, as `corelay status` reads it
//!   GET  /metrics    the same for Prometheus, and the process's own figures
//!   GET  /healthz    200: the process lives
//!   GET  /readyz     200 while new work is wanted, else 503
//!   GET  /log-level  the level           ┐
//!   POST /log-level  another level       ├ what changes something needs the token
//!   POST /drain      as SIGTERM          ┘
//! ```
//!
//! Deliberately absent: TLS (loopback, a Unix socket, or a proxy), and settings that change while serving.

mod process;
mod routes;
mod token;

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use corelay::config::{Address, Cores, Engine, Pin};
use corelay::{Config, Server, ServerHandle};

use crate::log::LogLevel;
pub(crate) use token::Token;

/// Open connections: a scraper, a probe, a person, and some to spare.
const CONNECTIONS_MAX: usize = 64;
/// A level's name is the longest body there is.
const BODY_BYTES_MAX: usize = 64;
/// Answers that all of them have not read.
const BUFFERED_BYTES_MAX: usize = 16 << 20;
/// How long its last answers may take when the server has ended.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// An admin listener that is bound, and serves nothing yet.
pub(crate) struct Admin {
    server: Server,
}

/// One that serves.
pub(crate) struct Serving {
    handle: ServerHandle,
    thread: JoinHandle<()>,
}

impl Admin {
    /// Listens on `address`.
    ///
    /// # Errors
    ///
    /// As [`Server::listen`].
    pub(crate) fn bind(address: Address) -> corelay::Result<Self> {
        Ok(Self { server: Server::new(config()).listen(address)? })
    }

    /// Where it listens, with its real port.
    pub(crate) fn address(&self) -> Option<&Address> {
        self.server.addresses().first()
    }

    /// Serves, on a thread of its own, what there is to know about `served`.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub(crate) fn serve(
        self,
        served: ServerHandle,
        token: Option<Token>,
        level: Option<Arc<LogLevel>>,
    ) -> io::Result<Serving> {
        let handle = self.server.handle();
        let router = routes::router(served, token, level);
        let thread = thread::Builder::new().name("corelay-admin".into()).spawn(move || {
            come_first();
            if let Err(error) = self.server.serve(router) {
                tracing::error!(%error, "the admin listener ended");
            }
        })?;
        Ok(Serving { handle, thread })
    }
}

impl Serving {
    /// Ends it: the server it tells about has ended.
    pub(crate) fn end(self) {
        self.handle.drain();
        let _ = self.thread.join();
    }
}

/// It has little to do, and is asked when thousands of threads may be waiting for a processor. What it starts inherits this.
fn come_first() {
    if let Err(error) = corelay_poll::thread::raise_priority(corelay_poll::thread::current()) {
        tracing::debug!(%error, "the admin listener has the priority of all others");
    }
}

/// One worker, wherever there is a processor for it.
fn config() -> Config {
    let mut config = Config::default();
    config.engine = Engine::Pool;
    config.cores = Cores::Count(1);
    config.pin = Pin::Off;
    config.limits.max_connections = CONNECTIONS_MAX;
    config.limits.max_buffered_body_bytes = BODY_BYTES_MAX;
    config.limits.max_buffered_bytes = Some(BUFFERED_BYTES_MAX);
    config.drain.on_signals = false;
    config.upgrade.follows = true;
    config.drain.timeout = DRAIN_TIMEOUT;
    config
}
