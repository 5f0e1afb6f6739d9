//! The monitor: sees which core's owner does not come back from user code, and asks for a standby to take the core.
//!
//! While cores come back, it sleeps: each has a [watchdog](super::watchdog) that barks when its owner has not been seen for a
//! millisecond. From then on it looks at that core once a millisecond, at two atomics. Only when it has seen one and the same
//! stay twice does it ask the kernel what the thread is doing: asleep, the core is to be taken; running, once it has burnt a
//! millisecond of CPU time since it was suspected. A thread that could run and has no CPU (preemption, a stolen CPU, a quota) is
//! left alone: another thread on the same CPU would have none either. A look that comes late proves nothing about others
//! and counts as none.

use super::Core;
use super::balance::Balance;
use super::gauges::{self, Gauges, Window};
use super::inbox::Bell;
use super::relay::{Stay, Tenure};
use super::roaming::Roaming;
use super::standin::StandIn;
use super::watchdog::Nap;
use crate::config::Rebalance;
use crate::shared::Shared;
use crate::task::Task;
use corelay_poll::thread::{Activity, Probe};
use corelay_poll::{Events, Interest, Poller, Token, Trigger, Waker};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Between two looks.
const PERIOD: Duration = Duration::from_micros(800);
/// A look that comes later than this after its time sees nothing: the monitor itself had no CPU.
const LATE: Duration = Duration::from_millis(1);
/// CPU time that makes a running suspect a burner.
const BURNT: Duration = Duration::from_millis(1);
/// The token of what wakes the monitor besides watchdogs, whose tokens have their core's number for a slot.
const WAKER: Token = Token::new(0, 1);

/// How cores wake the monitor.
#[derive(Default)]
pub(crate) struct MonitorBell {
    nap: Nap<OnceLock<Waker>>,
    stopped: AtomicBool,
}

impl MonitorBell {
    pub(super) fn nap(&self) -> &Nap<OnceLock<Waker>> {
        &self.nap
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

/// Rings once there is something to ring.
impl Bell for OnceLock<Waker> {
    fn ring(&self) {
        if let Some(waker) = self.get() {
            waker.ring();
        }
    }
}

/// Looks at the cores of one server.
pub(crate) struct Monitor {
    server: Arc<Shared>,
    bell: Arc<MonitorBell>,
    poller: Poller,
    watches: Vec<Watch>,
    gauges: Gauges,
    balance: Option<Balance>,
    roaming: Option<Roaming>,
}

/// What is known about one core.
struct Watch {
    core: Arc<Core>,
    /// Its watchdog has barked: its owner's signs of life until then, for as long as no more come.
    barked_at: Option<u32>,
    /// Signs of life when the gauges were last read.
    signs_then: u32,
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
    pub(crate) fn new(server: Arc<Shared>, bell: Arc<MonitorBell>, cores: &[Arc<Core>]) -> io::Result<Self> {
        let (poller, waker) = (Poller::new()?, Waker::new()?);
        poller.add(&waker, WAKER, Interest::READ, Trigger::Level)?;
        for (slot, core) in (0..).zip(cores) {
            poller.add(&core.watchdog.timer, Token::new(slot, 0), Interest::READ, Trigger::Level)?;
        }
        let _ = bell.nap.bell.set(waker);
        let watches = cores.iter().cloned().map(Watch::new).collect();
        let balances = server.config.rebalance == Rebalance::On && cores.len() > 1;
        let balance = balances.then(Balance::default);
        let roaming = Roaming::of(cores, server.config.pin);
        Ok(Self { server, bell, poller, watches, gauges: Gauges::of(cores), balance, roaming })
    }

    /// Looks until stopped.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(self.watches.len() + 1);
        let mut gauges_due = self.read_gauges(Instant::now());
        let mut look_due = None;
        while !self.bell.is_stopped() {
            let due = look_due.into_iter().chain(gauges_due).min();
            let timeout = due.map(|due| due.saturating_duration_since(Instant::now()));
            if let Err(error) = self.poller.wait(&mut events, timeout) {
                tracing::error!(%error, "the monitor's poller failed: no core is taken from here on");
                return;
            }
            let now = Instant::now();
            self.hear(&events);
            if look_due.is_none_or(|due| due <= now) {
                let late = look_due.is_some_and(|due| now.saturating_duration_since(due) > LATE);
                look_due = self.look(late).then(|| now + PERIOD);
            }
            if gauges_due.is_none_or(|due| due <= now) {
                gauges_due = self.read_gauges(now);
            }
        }
    }

    fn hear(&mut self, events: &Events) {
        for event in events.iter() {
            match (event.token(), self.bell.nap.bell.get()) {
                (WAKER, Some(waker)) => waker.acknowledge(),
                (token, _) => {
                    if let Some(watch) = self.watches.get_mut(token.slot() as usize) {
                        watch.hear();
                    }
                }
            }
        }
    }

    /// Looks at the cores whose watchdogs have barked. Whether there are any left to be looked at again.
    fn look(&mut self, late: bool) -> bool {
        let mut again = false;
        for watch in self.watches.iter_mut().filter(|watch| watch.barked_at.is_some()) {
            watch.look(late, &self.server);
            again |= watch.barked_at.is_some();
        }
        again
    }

    /// Looks at how busy the cores are. When to do so again; `None`: when the bell has rung, for no core works.
    fn read_gauges(&mut self, now: Instant) -> Option<Instant> {
        if self.balance.is_none() && self.roaming.is_none() {
            return None;
        }
        let window = self.gauges.read(now);
        if window != Window::Open {
            self.after(window);
        }
        let signs = self.watches.iter().map(|watch| watch.core.watchdog.signs.count());
        let works = self.watches.iter().zip(signs).any(|(watch, signs)| watch.signs_then != signs);
        for watch in &mut self.watches {
            watch.signs_then = watch.core.watchdog.signs.count();
        }
        let watches = &self.watches;
        let no_sign = || watches.iter().all(|watch| watch.signs_then == watch.core.watchdog.signs.count());
        (works || !self.bell.nap.begin(no_sign)).then(|| now + gauges::WINDOW)
    }

    fn after(&mut self, window: Window) {
        if let Some(balance) = &mut self.balance {
            balance.look(window, &self.gauges, &self.server);
        }
        if let Some(roaming) = &mut self.roaming
            && window == Window::Known
        {
            roaming.look(&self.gauges);
        }
    }
}

impl Watch {
    fn new(core: Arc<Core>) -> Self {
        Self { core, barked_at: None, signs_then: 0, seen: None, probe: None }
    }

    /// The watchdog's timer is readable.
    fn hear(&mut self) {
        let signs = self.core.watchdog.signs.count();
        if self.core.watchdog.barks() {
            self.barked_at = Some(signs);
        }
    }

    fn look(&mut self, late: bool, server: &Arc<Shared>) {
        if self.barked_at != Some(self.core.watchdog.signs.count()) || self.core.watchdog.is_asleep() {
            (self.barked_at, self.seen) = (None, None);
            return;
        }
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
            self.core.stalled_us.fetch_add(PERIOD.as_micros() as u64, Ordering::Relaxed);
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
