//! How busy each core is, and how long it waits for its processor: read once a [`WINDOW`], by the monitor.
//!
//! Busy is the part of the window for which the owner wanted its processor, had it or not. CPU time alone would show a core
//! whose processor others use as idle.

use super::Core;
use corelay_poll::thread::{Probe, Scheduled};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Over which is read.
pub(super) const WINDOW: Duration = Duration::from_millis(100);

/// The gauges of one server's cores.
pub(super) struct Gauges {
    pub(super) gauges: Vec<Gauge>,
    window_began: Instant,
}

/// Reads one core's owner.
pub(super) struct Gauge {
    pub(super) core: Arc<Core>,
    probe: Option<(u32, Probe)>,
    then: Scheduled,
    /// Of the last window, in thousandths, what the owner waited for its processor.
    pub(super) waited: u32,
}

/// What the last window was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// It is not over.
    Open,
    /// Nothing is known: it lasted too long, or a core has had more than one owner in it.
    Unknown,
    /// Read.
    Known,
}

impl Gauges {
    pub(super) fn of(cores: &[Arc<Core>]) -> Self {
        Self { gauges: cores.iter().cloned().map(Gauge::new).collect(), window_began: Instant::now() }
    }

    /// To be called often.
    pub(super) fn read(&mut self, now: Instant) -> Window {
        let passed = now.saturating_duration_since(self.window_began);
        if passed < WINDOW {
            return Window::Open;
        }
        self.window_began = now;
        let mut known = true;
        for gauge in &mut self.gauges {
            known &= gauge.read(passed);
        }
        // After a nap of the monitor's the window is no window.
        if known && passed <= 3 * WINDOW { Window::Known } else { Window::Unknown }
    }
}

impl Gauge {
    fn new(core: Arc<Core>) -> Self {
        Self { core, probe: None, then: Scheduled::default(), waited: 0 }
    }

    /// Publishes how busy the core was in the last `passed`. `false`: nobody knows, for its owner is new since then.
    fn read(&mut self, passed: Duration) -> bool {
        let thread = self.core.tenancy.owner().thread.load(Ordering::Relaxed);
        let known = self.probe.as_ref().is_some_and(|(of, _)| *of == thread);
        if !known {
            self.probe = Probe::of(thread).ok().map(|probe| (thread, probe));
        }
        let now = self.probe.as_ref().and_then(|(_, probe)| probe.scheduled().ok()).unwrap_or_default();
        let then = std::mem::replace(&mut self.then, now);
        let part = |now: Duration, then: Duration| {
            let used = if known { now.saturating_sub(then) } else { Duration::ZERO };
            let thousandths = used.as_micros() * 1000 / passed.as_micros().max(1);
            u32::try_from(thousandths).unwrap_or(1000).min(1000)
        };
        self.waited = part(now.waited, then.waited);
        self.core.busy.store(part(now.ran + now.waited, then.ran + then.waited), Ordering::Relaxed);
        known
    }
}
