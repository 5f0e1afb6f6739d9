//! The supervisor's part in upgrades: begins one, or says why not, and hears how it ended.

use super::{Change, Handover, OnChange, Order, Outcome, Passed, Program};
use crate::engine::spawn;
use crate::handle::Running;
use crate::status::Phase;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};

/// Servers of this process.
static SERVERS: AtomicUsize = AtomicUsize::new(0);

/// One server's.
pub(crate) struct Upgrades {
    /// Until it drains: with these, the sockets stay open.
    listeners: Option<Arc<Vec<Passed>>>,
    program: Option<Program>,
    on_change: OnChange,
    under_way: Option<(Arc<Order>, Receiver<Outcome>)>,
}

impl Upgrades {
    pub(crate) fn new(listeners: Vec<Passed>, program: Option<Program>, on_change: OnChange) -> Self {
        SERVERS.fetch_add(1, Ordering::Relaxed);
        Self { listeners: Some(Arc::new(listeners)), program, on_change, under_way: None }
    }

    /// Starts the process that is to replace this one, unless something speaks against it.
    pub(crate) fn begin(&mut self, running: &Arc<Running>) {
        let begun = match refusal(running) {
            _ if self.under_way.is_some() => Err("an upgrade is under way".to_owned()),
            Some(reason) => Err(reason.to_owned()),
            None => self.start(running),
        };
        match begun {
            Ok(()) => (self.on_change)(Change::Upgrading),
            Err(reason) => self.failed(reason),
        }
    }

    fn start(&mut self, running: &Arc<Running>) -> Result<(), String> {
        let listeners = self.listeners.clone().ok_or("this process drains")?;
        let program = self.program.clone().ok_or("the path of this program is not known")?;
        let order = Arc::new(Order::new().map_err(|error| error.to_string())?);
        let handover = Handover { running: running.clone(), listeners, program, order: order.clone() };
        let (tell, outcome) = channel();
        let control = running.control.clone();
        // The supervisor is bound to no processor, and so neither are this thread and the process that it starts.
        let thread = spawn("corelay-upgrade".into(), move || {
            let _ = tell.send(handover.run());
            let _ = control.waker.wake();
        });
        thread.map_err(|error| error.to_string())?;
        self.under_way = Some((order, outcome));
        Ok(())
    }

    /// How the upgrade that was under way has ended, once.
    pub(crate) fn outcome(&mut self) -> Option<Outcome> {
        let outcome = self.under_way.as_ref()?.1.try_recv().ok()?;
        self.under_way = None;
        match &outcome {
            Outcome::Upgraded { by, .. } => self.tell(Change::Upgraded { by: *by }),
            Outcome::NotUpgraded { reason, .. } => self.failed(reason.clone()),
        }
        Some(outcome)
    }

    fn failed(&self, reason: String) {
        tracing::error!(reason, "no upgrade: this process goes on as it was");
        (self.on_change)(Change::NotUpgraded { reason });
    }

    /// This process is to end. `true`: an upgrade is under way, and is told; its outcome is to be waited for.
    pub(crate) fn stop(&self) -> bool {
        self.under_way.as_ref().inspect(|(order, _)| order.stop()).is_some()
    }

    /// Nobody is to be let in any more.
    pub(crate) fn forget_listeners(&mut self) {
        self.listeners = None;
    }

    pub(crate) fn tell(&self, change: Change) {
        (self.on_change)(change);
    }
}

impl Drop for Upgrades {
    fn drop(&mut self) {
        SERVERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What speaks against an upgrade of this process now.
fn refusal(running: &Running) -> Option<&'static str> {
    if std::process::id() == 1 {
        return Some(
            "it is PID 1, and when that ends so does its container, the new process included: run it under an init",
        );
    }
    if SERVERS.load(Ordering::Relaxed) > 1 {
        return Some("this process runs more than one server, and only one of them would go on");
    }
    if running.shared.phase() != Phase::Serving {
        return Some("this process drains");
    }
    running.shared.upgrade.is_arriving().then_some("this process is still taking over from the one before it")
}
