//! Gates at which handlers stand still, each with a name, until the test opens it. No time is involved.

use super::{PATIENCE, Serving, until};
use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex};

/// Shared by a test and its handlers.
#[derive(Clone, Default)]
pub(crate) struct Gates(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: BTreeSet<String>,
    open: BTreeSet<String>,
}

impl Gates {
    /// By a handler: waits at this gate. An open gate stays open.
    pub(crate) fn pass(&self, gate: &str) {
        let mut state = self.0.state.lock().unwrap();
        state.waiting.insert(gate.to_owned());
        self.0.changed.notify_all();
        let shut = |state: &mut State| !state.open.contains(gate);
        let (mut state, waited) = self.0.changed.wait_timeout_while(state, PATIENCE, shut).unwrap();
        state.waiting.remove(gate);
        drop(state);
        assert!(!waited.timed_out(), "nobody opens {gate}");
    }

    /// By the test: waits until a handler is at this gate.
    pub(crate) fn wait_for(&self, gate: &str) {
        let state = self.0.state.lock().unwrap();
        let absent = |state: &mut State| !state.waiting.contains(gate);
        let (state, waited) = self.0.changed.wait_timeout_while(state, PATIENCE, absent).unwrap();
        drop(state);
        assert!(!waited.timed_out(), "nobody comes to {gate}");
    }

    pub(crate) fn open(&self, gate: &str) {
        self.0.state.lock().unwrap().open.insert(gate.to_owned());
        self.0.changed.notify_all();
    }

    /// Waits until a handler is at this gate, and the core it was on serves others.
    pub(crate) fn wait_for_take(&self, gate: &str, serving: &Serving) {
        self.wait_for(gate);
        until("every core is out of its handler", || {
            serving.status().cores.iter().all(|core| !core.in_handler)
        });
    }
}
