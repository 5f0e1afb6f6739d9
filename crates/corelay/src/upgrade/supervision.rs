//! The supervisor's part in upgrades: begins one, or says why not, and hears how it ended.

use super::{Change, Handover, OnChange, Order, Outcome, Passed, Program};
use crate::engine::{come_last, spawn};
use crate::handle::Running;
use crate::status::Phase;
use crate::sync::lock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, Weak};

/// All servers of this process that serve.
static SERVERS: Mutex<Vec<Entry>> = Mutex::new(Vec::new());
/// How many follow others, listen and do not serve yet.
static TO_COME: AtomicUsize = AtomicUsize::new(0);

struct Entry {
    running: Weak<Running>,
    listeners: Weak<Vec<Passed>>,
}

/// A server that follows another one and listens. Until it serves, its listeners cannot be passed on, and an upgrade has to wait for
/// it: the new process would bind an address of its own.
pub(crate) struct ToCome(());

impl ToCome {
    pub(crate) fn new() -> Self {
        TO_COME.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for ToCome {
    /// It serves, or never will.
    fn drop(&mut self) {
        TO_COME.fetch_sub(1, Ordering::SeqCst);
        let servers: Vec<Arc<Running>> =
            lock(&SERVERS).iter().filter_map(|entry| entry.running.upgrade()).collect();
        for server in servers {
            let _ = server.control.waker.wake();
        }
    }
}

/// One server's.
pub(crate) struct Upgrades {
    /// Until it drains: with these, the sockets stay open.
    listeners: Option<Arc<Vec<Passed>>>,
    /// `None`: it starts none, or cannot.
    program: Option<Program>,
    on_change: OnChange,
    under_way: Option<(Arc<Order>, Receiver<Outcome>)>,
    /// Asked for while connections of the process before this one, or a server of this one, are still to come.
    postponed: bool,
}

impl Upgrades {
    pub(crate) fn new(
        listeners: Vec<Passed>,
        program: Option<Program>,
        on_change: OnChange,
        running: &Arc<Running>,
    ) -> Self {
        let listeners = Arc::new(listeners);
        let entry = Entry { running: Arc::downgrade(running), listeners: Arc::downgrade(&listeners) };
        lock(&SERVERS).push(entry);
        Self { listeners: Some(listeners), program, on_change, under_way: None, postponed: false }
    }

    /// Starts the process that is to replace this one, unless something speaks against it; once the process before this one has
    /// handed over all, and all servers of this one serve.
    pub(crate) fn begin(&mut self, running: &Arc<Running>) {
        self.postponed = is_early(running);
        if self.postponed {
            return;
        }
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

    /// Begins what was postponed, if it is time.
    pub(crate) fn resume(&mut self, running: &Arc<Running>) {
        if self.postponed && !is_early(running) {
            self.begin(running);
        }
    }

    fn start(&mut self, running: &Arc<Running>) -> Result<(), String> {
        let program = self.program.clone().ok_or("the path of this program is not known")?;
        let order = Arc::new(Order::new().map_err(|error| error.to_string())?);
        let (doors, listeners) = all_servers();
        let on_change = self.on_change.clone();
        let handover =
            Handover { on_change, running: running.clone(), doors, listeners, program, order: order.clone() };
        let (tell, outcome) = channel();
        let control = running.control.clone();
        // The supervisor is bound to no processor, and so neither are this thread and the process that it starts.
        let thread = spawn("corelay-upgrade".into(), move || {
            come_last();
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

fn is_early(running: &Running) -> bool {
    running.shared.upgrade.is_arriving() || TO_COME.load(Ordering::SeqCst) > 0
}

/// The servers of this process, and the listeners of each that does not drain.
fn all_servers() -> (Vec<Arc<Running>>, Vec<Arc<Vec<Passed>>>) {
    let mut servers = lock(&SERVERS);
    servers.retain(|entry| entry.listeners.strong_count() > 0);
    let live = servers.iter().filter_map(|entry| entry.running.upgrade().zip(entry.listeners.upgrade()));
    live.unzip()
}

/// What speaks against an upgrade of this process now.
fn refusal(running: &Running) -> Option<&'static str> {
    if std::process::id() == 1 {
        return Some(
            "it is PID 1, and when that ends so does its container, the new process included: run it under an init",
        );
    }
    if all_servers().0.iter().filter(|server| !server.shared.config.upgrade.follows).count() > 1 {
        return Some("this process runs more than one server, and only one of them would go on");
    }
    (running.shared.phase() != Phase::Serving).then_some("this process drains")
}
