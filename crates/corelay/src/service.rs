//! Service threads: OS threads that run blocking work, started when needed and kept for a while.
//!
//! A piece of work goes to a standby (a thread that is idle) if there is one, else to a new thread, up to the cap; past the
//! cap it is refused, and its peer gets a 503. There is deliberately no queue of waiting work: a peer that would wait for
//! an unbounded time is told so at once. A standby that is idle for [`STANDBY_IDLE`] ends.

use crate::sync::lock;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// How long a standby waits for work before it ends.
const STANDBY_IDLE: Duration = Duration::from_secs(10);

/// Stack of a service thread, in bytes of address space; touched pages count.
const STACK_BYTES: usize = 1024 * 1024;

/// Something a service thread can do.
pub(crate) trait Work: Send + 'static {
    /// Does it, and gives what tells others that it is done. That is called when the thread counts as a standby, so that
    /// whoever hears of it finds a thread for what comes next.
    fn run(self) -> impl FnOnce();
}

/// A bounded set of threads that run [`Work`].
pub(crate) struct ServiceThreads<W>(Arc<Inner<W>>);

struct Inner<W> {
    state: Mutex<State<W>>,
    wanted: Condvar,
    threads_max: usize,
    /// The processors service threads may use: those of the server, not the one of the core that started them.
    cpus: Vec<usize>,
}

struct State<W> {
    /// Work given to standbys that have not woken up yet: never more than there are standbys.
    assigned: VecDeque<W>,
    standbys: usize,
    threads: usize,
}

impl<W: Work> ServiceThreads<W> {
    pub(crate) fn new(threads_max: usize, cpus: Vec<usize>) -> Self {
        let state = State { assigned: VecDeque::new(), standbys: 0, threads: 0 };
        Self(Arc::new(Inner { state: Mutex::new(state), wanted: Condvar::new(), threads_max, cpus }))
    }

    /// Has `work` run. Gives it back if all threads are busy and no more may, or can, be started.
    pub(crate) fn assign(&self, work: W) -> Result<(), W> {
        let mut state = lock(&self.0.state);
        if state.standbys > state.assigned.len() {
            state.assigned.push_back(work);
            drop(state);
            self.0.wanted.notify_one();
            return Ok(());
        }
        if state.threads >= self.0.threads_max {
            return Err(work);
        }
        // The new thread takes the work from the queue like any standby, so that a failed start can give it back.
        state.threads += 1;
        state.standbys += 1;
        state.assigned.push_back(work);
        let inner = self.0.clone();
        let started = thread::Builder::new()
            .name("corelay-service".into())
            .stack_size(STACK_BYTES)
            .spawn(move || inner.stand_by());
        match started {
            Ok(_) => Ok(()),
            Err(error) => self.not_started(state, &error),
        }
    }

    #[cold]
    fn not_started(
        &self,
        mut state: std::sync::MutexGuard<'_, State<W>>,
        error: &io::Error,
    ) -> Result<(), W> {
        state.threads -= 1;
        state.standbys -= 1;
        tracing::warn!(%error, threads = state.threads, "a service thread could not be started");
        state.assigned.pop_back().map_or(Ok(()), Err)
    }

    /// Threads there are, and how many of them are idle.
    pub(crate) fn count(&self) -> (usize, usize) {
        let state = lock(&self.0.state);
        (state.threads, state.standbys - state.assigned.len())
    }

    pub(crate) fn threads_max(&self) -> usize {
        self.0.threads_max
    }
}

impl<W: Work> Inner<W> {
    fn stand_by(&self) {
        if let Err(error) = corelay_poll::affinity::set_current_thread_cpus(&self.cpus) {
            tracing::debug!(%error, "a service thread keeps the affinity of the thread that started it");
        }
        while let Some(work) = self.next() {
            let tell = work.run();
            lock(&self.state).standbys += 1;
            tell();
        }
    }

    /// The next piece of work; `None` after a while without, the thread being counted out.
    fn next(&self) -> Option<W> {
        let state = lock(&self.state);
        let (mut state, _) = self
            .wanted
            .wait_timeout_while(state, STANDBY_IDLE, |state| state.assigned.is_empty())
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        state.standbys -= 1;
        let work = state.assigned.pop_front();
        if work.is_none() {
            state.threads -= 1;
        }
        work
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    struct Call(Box<dyn FnOnce() + Send>);

    impl Work for Call {
        fn run(self) -> impl FnOnce() {
            (self.0)();
            || {}
        }
    }

    /// Work that tells how many threads there are, and how many idle ones.
    struct Census {
        threads: Arc<ServiceThreads<Census>>,
        report: mpsc::Sender<(usize, usize)>,
    }

    impl Work for Census {
        fn run(self) -> impl FnOnce() {
            move || self.report.send(self.threads.count()).expect("the test listens")
        }
    }

    #[test]
    fn whoever_is_told_that_work_is_done_finds_its_thread_idle() {
        let threads = Arc::new(ServiceThreads::new(1, Vec::new()));
        let (report, reported) = mpsc::channel();
        assert!(threads.assign(Census { threads: threads.clone(), report }).is_ok());
        assert_eq!(reported.recv().expect("a report"), (1, 1));
    }

    #[test]
    fn past_the_cap_work_is_given_back_and_a_standby_is_used_again() {
        let threads = ServiceThreads::new(1, Vec::new());
        let (release, held) = mpsc::channel::<()>();
        let (report, reported) = mpsc::channel();
        let first = report.clone();
        let work = Call(Box::new(move || {
            held.recv().expect("the test releases it");
            first.send(thread::current().id()).expect("the test listens");
        }));
        assert!(threads.assign(work).is_ok());
        assert!(threads.assign(Call(Box::new(|| {}))).is_err(), "the only thread is busy");
        release.send(()).expect("the thread waits");
        let by = reported.recv().expect("a report");
        let mut again =
            Call(Box::new(move || report.send(thread::current().id()).expect("the test listens")));
        while let Err(back) = threads.assign(again) {
            again = back;
            thread::yield_now();
        }
        assert_eq!(reported.recv().expect("a report"), by, "the same thread, now a standby");
        assert_eq!(threads.count().0, 1);
    }
}
