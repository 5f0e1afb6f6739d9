//! How serving threads say that they are done, and what becomes of the process when one of them panics.

use crate::handle::Control;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Counts out what serves: cores, an accept thread, workers, listeners.
pub(crate) struct Farewells {
    alive: AtomicUsize,
    control: Arc<Control>,
}

impl Farewells {
    pub(crate) fn new(control: Arc<Control>) -> Self {
        Self { alive: AtomicUsize::new(0), control }
    }

    /// One more is about to serve.
    pub(crate) fn expect_one(&self) {
        self.alive.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether all that were expected are done.
    pub(crate) fn are_complete(&self) -> bool {
        self.alive.load(Ordering::Acquire) == 0
    }

    /// For the thread that serves.
    pub(crate) fn guard(self: &Arc<Self>) -> Guard {
        Guard(self.clone())
    }
}

/// Held while a thread serves: a panic in there is the end of the process.
pub(crate) struct Guard(Arc<Farewells>);

impl Guard {
    /// What it served is done for.
    pub(crate) fn finished(self) {
        self.0.alive.fetch_sub(1, Ordering::Release);
        let _ = self.0.control.waker.wake();
    }

    /// Another thread has it, or this one never was more than a part of it.
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
