//! Where a handler stands still until the test lets it go on. No time is involved.

use super::PATIENCE;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// The test's side.
pub(crate) struct Host {
    arrivals: Receiver<()>,
    releases: Sender<()>,
}

/// The handler's side.
#[derive(Clone)]
pub(crate) struct Guest {
    arrivals: Sender<()>,
    releases: Arc<Mutex<Receiver<()>>>,
}

/// A place for a test and its handlers.
pub(crate) fn meeting() -> (Host, Guest) {
    let (arrive, arrivals) = channel();
    let (release, releases) = channel();
    (
        Host { arrivals, releases: release },
        Guest { arrivals: arrive, releases: Arc::new(Mutex::new(releases)) },
    )
}

impl Host {
    /// Waits until a handler is there.
    pub(crate) fn wait_for_guest(&self) {
        self.arrivals.recv_timeout(PATIENCE).expect("a handler comes");
    }

    /// Lets one handler go on.
    pub(crate) fn release(&self) {
        self.releases.send(()).expect("the handlers live");
    }
}

impl Guest {
    /// Says that it is there, and waits until it may go on.
    pub(crate) fn stay(&self) {
        self.arrivals.send(()).expect("the test lives");
        self.releases.lock().unwrap().recv_timeout(PATIENCE).expect("the test lets it go on");
    }
}
