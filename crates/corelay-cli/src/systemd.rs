//! The service manager: sockets that it has bound, and what it is told.
//!
//! systemd hands over sockets by `LISTEN_FDS`, and hears by `NOTIFY_SOCKET` when the server is ready, which process is the main one
//! after an upgrade, that it stops, and that it lives (sd_listen_fds(3), sd_notify(3)). Without it nothing of this does anything.

use std::io;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use corelay::{Change, ServerHandle};
use listenfd::ListenFd;
use sd_notify::NotifyState;

/// Sockets that were handed over to this process, in their order. Not to one that replaces it: that has them from it.
///
/// # Errors
///
/// One that is no stream socket of TCP or Unix.
pub(crate) fn sockets() -> io::Result<Vec<OwnedFd>> {
    let mut handed = ListenFd::from_env();
    (0..handed.len())
        .map(|index| {
            // What is not of the one kind is left in its place.
            if let Ok(Some(listener)) = handed.take_tcp_listener(index) {
                return Ok(listener.into());
            }
            let listener = handed.take_unix_listener(index)?.ok_or(io::ErrorKind::InvalidInput)?;
            Ok(listener.into())
        })
        .collect()
}

/// What the service manager is told of a server.
pub(crate) struct Service {
    handle: ServerHandle,
}

impl Service {
    pub(crate) fn of(handle: ServerHandle) -> Self {
        Self { handle }
    }

    pub(crate) fn hear(&self, change: &Change) {
        match change {
            Change::Serving => {
                tell(&[NotifyState::Ready]);
                // The manager expects it of the process that it has started.
                self.watch(sd_notify::watchdog_enabled());
            }
            Change::Upgrading => tell(&[NotifyState::Status("a new process is starting")]),
            Change::NotUpgraded { .. } => tell(&[NotifyState::Status("serving; the last upgrade failed")]),
            // In one message: the manager must know the new main process before the old one ends.
            Change::Upgraded { by } => tell(&[NotifyState::MainPid(*by), NotifyState::Status("serving")]),
            Change::TookOver { .. } => {
                tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
                self.watch(inherited_watchdog());
            }
            Change::Draining => tell(&[NotifyState::Stopping, NotifyState::Status("draining")]),
            _ => {}
        }
    }

    /// Says from now on, twice in the time that the manager waits, that this process lives: if its threads let go of what a look
    /// at them needs. One that hangs is started anew.
    fn watch(&self, within: Option<Duration>) {
        let Some(within) = within else { return };
        let handle = self.handle.clone();
        let started = thread::Builder::new().name("corelay-watchdog".into()).spawn(move || {
            loop {
                let _ = handle.status();
                tell(&[NotifyState::Watchdog]);
                thread::sleep(within / 2);
            }
        });
        if let Err(error) = started {
            tracing::error!(%error, "no thread for the service manager's watchdog");
        }
    }
}

/// The time in which the manager wants to hear from the main process, which this one has become: `WATCHDOG_PID` still names the
/// one that it has started.
fn inherited_watchdog() -> Option<Duration> {
    let microseconds = std::env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    Some(Duration::from_micros(microseconds)).filter(|within| !within.is_zero())
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
