//! A standby that takes a core from a thread that is stuck in user code, and what that thread does when it is back.

use super::relay::{Stay, Taken, Tenure};
use super::{Core, Message, Owner};
use crate::service::Duty;
use crate::shared::Shared;
use crate::sync::lock;
use crate::tally::Tally;
use crate::task::Task;
use std::cell::RefCell;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A thread that is back this soon after its core was taken was not really stuck.
const SOON: Duration = Duration::from_millis(1);

thread_local! {
    /// On the thread of a core's owner: what it owns.
    static OWNED: RefCell<Option<Owned>> = const { RefCell::new(None) };
}

struct Owned {
    core: Arc<Core>,
    server: Arc<Shared>,
    tenure: Arc<Tenure>,
}

/// A core to be taken, if its owner is still where it was.
pub(crate) struct StandIn {
    pub(crate) core: Arc<Core>,
    pub(crate) server: Arc<Shared>,
    pub(crate) from: Arc<Tenure>,
    pub(crate) stay: Stay,
    /// The owner burns CPU time, and does not sleep.
    pub(crate) burning: bool,
}

/// What becomes of a thread that has served a core.
pub(crate) enum Ended {
    /// The core is done for: drained or stopped.
    Finished,
    /// The core was taken from it. What it owes the core, it sends when it is out of the way.
    Lost(Duty, Option<Message>),
}

impl StandIn {
    /// Takes the core and serves it, for as long as it is not taken in turn.
    pub(crate) fn run(self) -> (Duty, Box<dyn FnOnce()>) {
        let Self { core, server, from, stay, burning } = self;
        // First to its processor: a core without a thread there would be no better off.
        core.bind(&server);
        let tenure = Arc::new(Tenure::default());
        let at = server.clock.now();
        if !core.take(&from, stay, &tenure, (at, burning)) {
            server.service.roam();
            return (Duty::StandBy, Box::new(|| {}));
        }
        if burning {
            yield_to_others(&from);
        }
        core.learn_from_absence(at, &server);
        match core.serve(&server, tenure) {
            Ended::Finished => (Duty::Leave, Box::new(|| {})),
            Ended::Lost(duty, owed) => {
                server.service.roam();
                (duty, Box::new(move || owed.into_iter().for_each(|message| core.send(message))))
            }
        }
    }
}

/// The thread that lost its core goes on at the lowest priority, on the server's processors.
fn yield_to_others(from: &Tenure) {
    if let Err(error) = corelay_poll::thread::lower_priority(from.thread.load(Ordering::Relaxed)) {
        tracing::debug!(%error, "a thread that burns CPU time keeps its priority");
    }
}

impl Core {
    /// Serves on the calling thread, as the owner with `tenure`.
    pub(crate) fn serve(self: &Arc<Self>, server: &Arc<Shared>, tenure: Arc<Tenure>) -> Ended {
        tenure.thread.store(corelay_poll::thread::current(), Ordering::Relaxed);
        let guard = self.farewell.guard();
        let (core, shared) = (self.clone(), server.clone());
        OWNED.set(Some(Owned { core: core.clone(), server: shared.clone(), tenure: tenure.clone() }));
        let ended = Owner::new(core, shared, tenure).run();
        OWNED.set(None);
        match ended {
            Ended::Finished => guard.finished(),
            Ended::Lost(..) => guard.lost(),
        }
        ended
    }

    /// The thread that had `tenure` is back from user code, and has found the core taken.
    pub(super) fn settle_accounts(&self, tenure: &Tenure, tally: &Tally, server: &Shared) -> Duty {
        self.books.close(&tenure.counters);
        let Some(taken) = tenure.end.get() else { return Duty::StandBy };
        let back = tally.taken_until().unwrap_or_else(|| server.clock.now());
        if back.saturating_duration_since(taken.at) < SOON {
            self.false_relays.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(absent) = self.absent.end(tenure)
            && back.saturating_duration_since(absent.at) >= SOON
        {
            learn(absent, server);
        }
        if taken.burning { Duty::End } else { Duty::StandBy }
    }

    /// Who lost the core a while ago and is not back yet will not be back soon: what there is to learn from that is
    /// learnt now. Handlers that never come back would else use up all threads, one take after the other.
    fn learn_from_absence(&self, now: Instant, server: &Shared) {
        for absent in self.absent.end_all_since(now, SOON) {
            learn(absent, server);
        }
    }
}

/// A core was rightly taken.
fn learn(taken: Taken, server: &Shared) {
    if let Some(endpoint) = server.app.endpoint_numbered(taken.endpoint)
        && endpoint.habit().taken(taken.burning)
    {
        tracing::info!(
            route = endpoint.pattern(),
            burning = taken.burning,
            "learnt to keep its core waiting: goes to service threads"
        );
    }
}

/// Tenures of threads that are not back from user code since they lost the core, and from which nothing is learnt yet.
#[derive(Default)]
pub(super) struct Absent(Mutex<Vec<Arc<Tenure>>>);

impl Absent {
    pub(super) fn begin(&self, tenure: &Arc<Tenure>) {
        lock(&self.0).push(tenure.clone());
    }

    /// Its thread is back. `None`: it was learnt from already.
    fn end(&self, tenure: &Tenure) -> Option<Taken> {
        let mut absent = lock(&self.0);
        let place = absent.iter().position(|other| std::ptr::eq(&**other, tenure))?;
        absent.swap_remove(place).end.get().copied()
    }

    /// Those that are away for so long.
    fn end_all_since(&self, now: Instant, long: Duration) -> Vec<Taken> {
        let is_long = |taken: &Taken| now.saturating_duration_since(taken.at) >= long;
        let mut learnt = Vec::new();
        lock(&self.0).retain(|tenure| {
            learnt.extend(tenure.end.get().filter(|taken| is_long(taken)).copied());
            !tenure.end.get().is_some_and(is_long)
        });
        learnt
    }
}

/// Runs `work` and lets nothing else wait for it: if the calling thread serves a core, the core is passed to another thread
/// at once, without the two milliseconds until the monitor would have noticed.
///
/// To be called in a handler around what is known to block for longer than a few hundred microseconds. Anywhere else, and
/// where no other thread can be had, it just runs `work`.
///
/// ```
/// use corelay::Router;
/// use corelay::http::TestClient;
///
/// let read = || corelay::blocking(|| std::fs::read_to_string("/etc/hostname").unwrap_or_default());
/// let client = TestClient::new(Router::new().get("/hostname", read))?;
/// assert_eq!(client.get("/hostname").send().status(), 200);
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
pub fn blocking<R>(work: impl FnOnce() -> R) -> R {
    OWNED.with_borrow(|owned| {
        let Some(Owned { core, server, tenure }) = owned else { return };
        if server.monitor.is_none() || tenure.end.get().is_some() {
            return;
        }
        let Some(stay) = tenure.stay() else { return };
        let (core, from) = (core.clone(), tenure.clone());
        let stand_in = StandIn { core, server: server.clone(), from, stay, burning: false };
        let _ = server.service.assign_beyond(server.cores, Task::StandIn(stand_in));
    });
    work()
}
