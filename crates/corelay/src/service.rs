//! Service threads: OS threads that run blocking work, started when needed and kept for a while.
//!
//! A piece of work goes to a standby (a thread that is idle) if there is one, else to a new thread, up to the cap; past the
//! cap it is refused, and its peer gets a 503. There is deliberately no queue of waiting work: a peer that would wait for
//! an unbounded time is told so at once. A standby that is idle for a while ends.
//!
//! A standby may also take a core. Then it leaves the service, and the thread that lost the core has its place: the number of
//! threads that handlers keep waiting is bounded by the cap, whoever started them.

use crate::concurrency::Concurrency;
use crate::sync::lock;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// Something a service thread can do.
pub(crate) trait Work: Send + 'static {
    /// Does it, and says what becomes of the thread and what tells others that it is done. That is called when the thread
    /// counts as what it has become, so that whoever hears of it finds a thread for what comes next.
    fn run(self) -> (Duty, impl FnOnce());
}

/// What becomes of a thread when its work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// It waits for more.
    StandBy,
    /// It ends.
    End,
    /// It ends, and its place is another's: it had become the owner of a core, and who lost the core has the place.
    Leave,
}

/// What service threads are made of, and how many there may be.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) threads_max: usize,
    pub(crate) stack_bytes: usize,
    /// How long a standby waits for work before it ends.
    pub(crate) idle: Duration,
    /// The processors they may use: those of the server, not the one of the core that started them.
    pub(crate) cpus: Vec<usize>,
}

/// A bounded set of threads that run [`Work`].
pub(crate) struct ServiceThreads<W>(Arc<Inner<W>>);

struct Inner<W> {
    state: Mutex<State<W>>,
    wanted: Condvar,
    terms: Terms,
    concurrency: Option<Concurrency>,
}

struct State<W> {
    /// Work given to standbys that have not woken up yet: never more than there are standbys.
    assigned: VecDeque<W>,
    standbys: usize,
    threads: usize,
}

impl<W: Work> ServiceThreads<W> {
    /// As many as the cap allows, and `concurrency`.
    pub(crate) fn new(terms: Terms, concurrency: Option<Concurrency>) -> Self {
        let state = State { assigned: VecDeque::new(), standbys: 0, threads: 0 };
        Self(Arc::new(Inner { state: Mutex::new(state), wanted: Condvar::new(), terms, concurrency }))
    }

    /// How many may be busy at present is judged by what it was.
    pub(crate) fn concurrency(&self) -> Option<&Concurrency> {
        self.0.concurrency.as_ref()
    }

    /// Whether one more that is busy would only wait for a processor.
    pub(crate) fn is_crowded(&self, now_nanos: u64) -> bool {
        let Some(concurrency) = &self.0.concurrency else { return false };
        let (threads, standbys) = self.count();
        !concurrency.has_room(threads - standbys, now_nanos)
    }

    /// Has `work` run. Gives it back if all threads are busy and no more may, or can, be started.
    pub(crate) fn assign(&self, work: W) -> Result<(), W> {
        self.assign_within(self.0.terms.threads_max, work)
    }

    /// As [`ServiceThreads::assign`], with room for `beyond` more threads than the cap.
    pub(crate) fn assign_beyond(&self, beyond: usize, work: W) -> Result<(), W> {
        self.assign_within(self.0.terms.threads_max.saturating_add(beyond), work)
    }

    fn assign_within(&self, threads_max: usize, work: W) -> Result<(), W> {
        let mut state = lock(&self.0.state);
        if state.standbys > state.assigned.len() {
            state.assigned.push_back(work);
            drop(state);
            self.0.wanted.notify_one();
            return Ok(());
        }
        if state.threads >= threads_max {
            return Err(work);
        }
        // The new thread takes the work from the queue like any standby, so that a failed start can give it back.
        state.threads += 1;
        state.standbys += 1;
        state.assigned.push_back(work);
        let inner = self.0.clone();
        let started = thread::Builder::new()
            .name("corelay-service".into())
            .stack_size(self.0.terms.stack_bytes)
            .spawn(move || {
                crate::stack::note(inner.terms.stack_bytes);
                inner.stand_by();
            });
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

    /// How many may be busy at present.
    pub(crate) fn limit(&self) -> usize {
        self.0.concurrency.as_ref().map_or(self.0.terms.threads_max, Concurrency::limit)
    }

    pub(crate) fn threads_max(&self) -> usize {
        self.0.terms.threads_max
    }

    /// Undoes a pin of the calling thread.
    pub(crate) fn roam(&self) {
        self.0.roam();
    }

    /// The calling thread has lost its core, and has the place of the service thread that took it.
    pub(crate) fn join(&self, duty: Duty, tell: impl FnOnce()) {
        if self.0.goes_on(duty, tell) {
            self.0.stand_by();
        }
    }
}

impl<W: Work> Inner<W> {
    fn stand_by(&self) {
        self.roam();
        while let Some(work) = self.next() {
            let (duty, tell) = work.run();
            if !self.goes_on(duty, tell) {
                return;
            }
        }
    }

    /// Whether the thread has another turn.
    fn goes_on(&self, duty: Duty, tell: impl FnOnce()) -> bool {
        {
            let mut state = lock(&self.state);
            match duty {
                Duty::StandBy => state.standbys += 1,
                Duty::End => state.threads -= 1,
                Duty::Leave => {}
            }
        }
        tell();
        duty == Duty::StandBy
    }

    fn roam(&self) {
        if let Err(error) = corelay_poll::affinity::set_current_thread_cpus(&self.terms.cpus) {
            tracing::debug!(%error, "a service thread keeps the processors it has");
        }
    }

    /// The next piece of work; `None` after a while without, the thread being counted out.
    fn next(&self) -> Option<W> {
        let state = lock(&self.state);
        let (mut state, _) = self
            .wanted
            .wait_timeout_while(state, self.terms.idle, |state| state.assigned.is_empty())
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

    fn one() -> Terms {
        let idle = Duration::from_secs(10);
        Terms { threads_max: 1, stack_bytes: 256 * 1024, idle, cpus: Vec::new() }
    }

    impl Work for Call {
        fn run(self) -> (Duty, impl FnOnce()) {
            (self.0)();
            (Duty::StandBy, || {})
        }
    }

    /// Work that tells how many threads there are, and how many idle ones.
    struct Census {
        threads: Arc<ServiceThreads<Census>>,
        report: mpsc::Sender<(usize, usize)>,
    }

    impl Work for Census {
        fn run(self) -> (Duty, impl FnOnce()) {
            (Duty::StandBy, move || self.report.send(self.threads.count()).expect("the test listens"))
        }
    }

    #[test]
    fn whoever_is_told_that_work_is_done_finds_its_thread_idle() {
        let threads = Arc::new(ServiceThreads::new(one(), None));
        let (report, reported) = mpsc::channel();
        assert!(threads.assign(Census { threads: threads.clone(), report }).is_ok());
        assert_eq!(reported.recv().expect("a report"), (1, 1));
    }

    #[test]
    fn past_the_cap_work_is_given_back_and_a_standby_is_used_again() {
        let threads = ServiceThreads::new(one(), None);
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
