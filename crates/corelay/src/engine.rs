//! What every engine is to the rest of the server: threads that are started, drained, cut off and looked at.
//!
//! The engines are [`core`](crate::core), [`pool`](crate::pool) and [`threads`](crate::threads). They share doors, slots,
//! timers, limits, the connections themselves and this; who waits, who reads and who wakes whom is their own.

use crate::config::Config;
use crate::connection::Connection;
use crate::door::{Door, Wake};
use crate::error::{Error, Result};
use crate::farewell::Farewells;
use crate::listener::Listener;
use crate::placement::Placement;
use crate::shared::Shared;
use crate::stack;
use crate::status::{CoreStatus, Row};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A threading model at work.
pub(crate) trait Engine: Send + Sync {
    /// Starts its threads; returns when each of them serves. Each is counted out by [`Farewells`] when it is done.
    fn start(&self) -> Result<()>;
    /// Has it accept nothing more, close what is idle and finish the rest.
    fn drain(&self);
    /// Has it end now, whatever is in flight.
    fn cut_off(&self);
    /// Shuts its doors, for another process lets in who comes; or opens them again.
    fn open_doors(&self, open: bool);
    /// Has it give about so many connections that can move to [`Upgrading::leave`](crate::upgrade::Upgrading), as soon as it
    /// comes to it.
    fn let_go(&self, most: usize);
    /// Takes in a connection of another process, or one that has not left for it after all. If it drains, that is closed.
    fn adopt(&self, connection: Connection);
    /// All it has counted, a row for each of its cores, workers or listeners.
    fn rows(&self) -> Vec<Row>;
    /// Counts on from such rows.
    fn carry_over(&self, rows: &[Row]);
    /// All is done, or is left to the end of the process.
    fn ended(&self) {}
    /// A line for each of its cores, workers or listeners.
    fn status(&self) -> Vec<CoreStatus>;

    /// For tests that move connections about.
    #[cfg(test)]
    fn cores(&self) -> Vec<Arc<crate::core::Core>> {
        Vec::new()
    }
}

/// What an engine is made from.
pub(crate) struct Parts<'a> {
    pub(crate) config: &'a Config,
    pub(crate) placement: Placement,
    pub(crate) listeners: &'a mut [Listener],
    pub(crate) shared: Arc<Shared>,
    pub(crate) farewell: Arc<Farewells>,
}

impl Parts<'_> {
    /// Doors for each of `count` pollers: one of each listener's..
    pub(crate) fn doors(&mut self, count: usize, alone: Wake) -> Result<Vec<Vec<Door>>> {
        let mut doors: Vec<Vec<Door>> = (0..count).map(|_| Vec::new()).collect();
        for listener in &mut *self.listeners {
            let (sockets, shared) = listener.sockets(count, &self.config.sockets)?;
            let wake = if shared { Wake::OneOfMany } else { alone };
            // There may be more of them than threads: the process before had more, and all are to be served.
            for (index, socket) in sockets.into_iter().enumerate() {
                doors[index % count].push(Door::new(socket, wake, listener.is_proxied()));
            }
        }
        Ok(doors)
    }
}

/// Starts a thread of the server's.
pub(crate) fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let noted = || {
        stack::note(stack::usual_bytes());
        run();
    };
    thread::Builder::new().name(name.clone()).spawn(noted).map_err(|source| Error::Thread { name, source })
}

/// Binds the calling thread to a processor, if there is one for it.
pub(crate) fn pin_current_thread(cpu: Option<usize>) {
    let Some(cpu) = cpu else { return };
    match corelay_poll::affinity::pin_current_thread(cpu) {
        Ok(true) => {}
        Ok(false) => tracing::info!(cpu, "this platform does not bind threads to processors"),
        Err(error) => tracing::warn!(%error, cpu, "a serving thread could not be bound to its processor"),
    }
}

/// For a thread whose work nobody waits for, and the process that it starts: who serves comes first.
pub(crate) fn come_last() {
    ask_for_slice(Some(Duration::from_millis(100)));
}

/// For a thread that may have been started by one that comes last, before it starts those that serve.
pub(crate) fn come_as_usual() {
    ask_for_slice(None);
}

fn ask_for_slice(slice: Option<Duration>) {
    if let Err(error) = corelay_poll::thread::set_slice(corelay_poll::thread::current(), slice) {
        tracing::debug!(%error, "a thread has the time slice of all others");
    }
}
