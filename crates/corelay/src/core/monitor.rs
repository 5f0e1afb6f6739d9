//! The monitor: sees which core's owner does not come back from user code, and asks for a standby to take the core.
//!
//! It looks once a millisecond while any core works, at two atomics a core. Only when it has seen one and the same stay twice
//! does it ask the kernel what the thread is doing: asleep, the core is to be taken; running, once it has burnt a
//! millisecond of CPU time since it was suspected. A thread that could run and has no CPU (preemption, a stolen CPU, a quota) is
//! left alone: another thread on the same CPU would have none either. A look that comes late proves nothing about others
//! and counts as none. When every core waits, so does the monitor, until the next core that wakes up rings.

use super::Core;
use super::balance::Balance;
use super::inbox::Bell;
use super::relay::{Stay, Tenure};
use super::rest::{Nap, Rest};
use super::standin::StandIn;
use crate::config::Rebalance;
use crate::shared::Shared;
use crate::task::Task;
use corelay_poll::thread::{Activity, Probe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(1);
/// A look that comes later than this after its time sees nothing: the monitor itself had no CPU.
const LATE: Duration = Duration::from_millis(1);
/// CPU time that makes a running suspect a burner.
const BURNT: Duration = Duration::from_millis(1);
/// Looks at waiting cores after which the monitor waits too.
const IDLE_LOOKS: u32 = 20;

/// How cores wake the monitor.
#[derive(Default)]
pub(crate) struct MonitorBell {
    nap: Nap<OnceLock<Thread>>,
    stopped: AtomicBool,
}

impl MonitorBell {
    /// By a core's owner, around its sleep in the poller.
    #[inline(always)]
    pub(crate) fn end_rest(&self, rest: &Rest) {
        self.nap.end(rest);
    }

    /// Ends the monitor.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.nap.bell.ring();
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

impl Bell for OnceLock<Thread> {
    fn ring(&self) {
        if let Some(thread) = self.get() {
            thread.unpark();
        }
    }
}

/// Looks at the cores of one server.
pub(crate) struct Monitor {
    server: Arc<Shared>,
    bell: Arc<MonitorBell>,
    watches: Vec<Watch>,
    balance: Option<Balance>,
    idle_looks: u32,
}

/// What is known about one core.
struct Watch {
    core: Arc<Core>,
    /// In user code when last looked at.
    seen: Option<Seen>,
    /// Of the thread that was last suspected.
    probe: Option<(u32, Probe)>,
}

struct Seen {
    tenure: Arc<Tenure>,
    stay: Stay,
    /// CPU time of the thread when it was first suspected.
    cpu_time: Option<Duration>,
    /// A standby is on its way.
    reported: bool,
}

impl Monitor {
    pub(crate) fn new(server: Arc<Shared>, bell: Arc<MonitorBell>, cores: &[Arc<Core>]) -> Self {
        let watches =
            cores.iter().map(|core| Watch { core: core.clone(), seen: None, probe: None }).collect();
        let balance = match server.config.rebalance {
            Rebalance::On => Balance::between(cores),
            Rebalance::Off => None,
        };
        Self { server, bell, watches, balance, idle_looks: 0 }
    }

    /// Looks until stopped.
    pub(crate) fn run(mut self) {
        let _ = self.bell.nap.bell.set(thread::current());
        while !self.bell.is_stopped() {
            self.idle_looks = if self.all_rest() { self.idle_looks + 1 } else { 0 };
            if self.idle_looks >= IDLE_LOOKS {
                self.idle_looks = 0;
                while self.bell.nap.begin(|| self.all_rest()) && !self.bell.is_stopped() {
                    thread::park();
                }
            }
            let due = Instant::now() + PERIOD;
            thread::park_timeout(PERIOD);
            let now = Instant::now();
            let late = now.saturating_duration_since(due) > LATE;
            for watch in &mut self.watches {
                watch.look(late, &self.server);
            }
            if let Some(balance) = &mut self.balance {
                balance.look(now, &self.server);
            }
        }
    }

    fn all_rest(&self) -> bool {
        self.watches.iter().all(|watch| watch.core.rest.lasts())
    }
}

impl Watch {
    fn look(&mut self, late: bool, server: &Arc<Shared>) {
        // Locked at this moment: its owner is at work, and not in user code.
        let inside = self.core.tenancy.tenure().and_then(|tenure| tenure.stay().map(|stay| (tenure, stay)));
        let Some((tenure, stay)) = inside else {
            self.seen = None;
            return;
        };
        let again =
            self.seen.as_ref().is_some_and(|seen| seen.stay == stay && Arc::ptr_eq(&seen.tenure, &tenure));
        if !again {
            self.seen = Some(Seen { tenure, stay, cpu_time: None, reported: false });
            return;
        }
        if late {
            return;
        }
        let Some(burning) = self.is_stuck() else { return };
        let Some(seen) = &mut self.seen else { return };
        if seen.reported {
            // The standby has no CPU yet.
            return;
        }
        let stand_in = StandIn {
            core: self.core.clone(),
            server: server.clone(),
            from: seen.tenure.clone(),
            stay: seen.stay,
            burning,
        };
        if server.service.assign_beyond(server.cores, Task::StandIn(stand_in)).is_ok() {
            seen.reported = true;
        } else {
            self.core.stalled_ms.fetch_add(PERIOD.as_millis() as u64, Ordering::Relaxed);
        }
    }

    /// Whether the suspect keeps its core waiting: `Some(true)` by burning CPU time, `Some(false)` by sleeping.
    fn is_stuck(&mut self) -> Option<bool> {
        let seen = self.seen.as_mut()?;
        let thread = seen.tenure.thread.load(std::sync::atomic::Ordering::Relaxed);
        if self.probe.as_ref().is_none_or(|(of, _)| *of != thread) {
            self.probe = Probe::of(thread).ok().map(|probe| (thread, probe));
        }
        // Where the kernel shows nothing of threads, who does not come back is taken to sleep.
        let Some((_, probe)) = &self.probe else { return Some(false) };
        // So is he whom there is no descriptor left to look at.
        match probe.activity().unwrap_or(Activity::Asleep) {
            Activity::Asleep => Some(false),
            Activity::Runnable => {
                let cpu_time = probe.cpu_time().ok()?;
                let suspected_at = *seen.cpu_time.get_or_insert(cpu_time);
                (cpu_time.saturating_sub(suspected_at) >= BURNT).then_some(true)
            }
            _ => {
                // Gone, perhaps, and its number free for another thread.
                self.probe = None;
                None
            }
        }
    }
}
