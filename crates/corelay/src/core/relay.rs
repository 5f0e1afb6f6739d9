//! Who owns a core: the protocol between owner, monitor and standby. All of it is in this file.
//!
//! A core's state is behind one lock, with the [`Tenure`] of the thread that owns it. A thread that has lost the core
//! finds so at its next [`Tenancy::lock`], which gives it nothing.
//!
//! ```text
//!   owner                          monitor                        standby
//!   -----                          -------                        -------
//!   lock: take a connection out
//!   stay := odd      ────────▶     sees the stay twice, and
//!      user code                   that its thread sleeps
//!         .                        or burns: asks for a  ──────▶  lock: still that tenure, still that stay?
//!         .                        standby                          no:  stand by again
//!         .                                                         yes: delete the fd in hand, keep its slot;
//!         .                                                              tenure := its own
//!         .                                                       owner: reads inbox, timers, poller
//!   stay := even
//!   lock: no longer mine
//!   answers alone, sends the
//!   connection home ───────────────── inbox ────────────────────▶ registers it again
//!   stands by
//! ```
//!
//! States of a core, and who may touch it:
//!
//! ```text
//!              enter                 take (under the lock, same stay)
//!   Served ◀──────────▶ Inside ────────────────────────────────────────▶ Served, by another
//!   owner      leave    nobody: all but the connection in hand is in the core
//! ```
//!
//! No fence and no locked instruction is paid for this between two requests: entering and leaving are plain stores. The lock
//! orders what matters. Either the old owner's `lock` comes first; then it left user code before, and the standby sees another
//! stay. Or the standby's comes first, and the old owner sees another tenure.
//!
//! # What is proved
//!
//! The models below run every order of an owner (one event, and two) and a standby that loom can tell apart, without a
//! bound on preemptions: a core always has one owner; a connection is in the core, in a thread's hands or in the inbox, never in
//! two of them and never in none; once it is away its descriptor is not in the poller; a connection that comes home finds
//! its core awake or rings; a stay that is over is not taken. Each check that the protocol makes is taken away in turn, and the
//! models fail. Not in them: the kernel's side (level-triggered readiness makes the rest of a batch of events safe to
//! abandon), and cores that are taken again from the second owner, where each take is the same step from another tenure.

use crate::status::Counters;
use crate::sync::modelled::{AtomicBool, AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering, lock};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// No endpoint: user code of another kind, such as a destructor.
pub(crate) const NO_ENDPOINT: u32 = u32::MAX;

/// One thread's ownership of a core, from the moment it takes it.
pub(crate) struct Tenure {
    /// Counts up when the owner enters user code and when it leaves: odd means inside.
    stay: AtomicU64,
    /// The core was taken: its old owner may know before it asks for the lock.
    taken: AtomicBool,
    /// In user code: which endpoint's.
    endpoint: AtomicU32,
    /// The kernel's number of the owner's thread; 0 until it serves.
    pub(crate) thread: AtomicU32,
    /// What it has counted.
    pub(crate) counters: Arc<Counters>,
    /// How it ended, if the core was taken: set by whoever took it, under the lock.
    pub(crate) end: OnceLock<Taken>,
}

/// How a tenure ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) at: Instant,
    /// What the old owner was in.
    pub(crate) endpoint: u32,
    /// It burnt CPU time, and did not sleep.
    pub(crate) burning: bool,
}

impl Default for Tenure {
    fn default() -> Self {
        Self {
            stay: AtomicU64::new(0),
            taken: AtomicBool::new(false),
            endpoint: AtomicU32::new(NO_ENDPOINT),
            thread: AtomicU32::new(0),
            counters: Arc::default(),
            end: OnceLock::new(),
        }
    }
}

impl Tenure {
    /// One that counts in these.
    pub(crate) fn counting_in(counters: Arc<Counters>) -> Self {
        Self { counters, ..Self::default() }
    }

    /// By its owner: user code begins.
    #[inline]
    pub(crate) fn enter(&self, endpoint: u32) {
        self.endpoint.store(endpoint, Ordering::Relaxed);
        self.step();
    }

    /// By its owner: user code is over. `true`: the core was taken meanwhile.
    #[inline]
    pub(crate) fn leave(&self) -> bool {
        self.step();
        self.taken.load(Ordering::Relaxed)
    }

    #[inline]
    fn step(&self) {
        self.stay.store(self.stay.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    /// The present stay in user code, if it is in there.
    pub(crate) fn stay(&self) -> Option<Stay> {
        let stay = self.stay.load(Ordering::Acquire);
        (stay % 2 == 1).then_some(Stay(stay))
    }
}

/// One visit to user code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stay(u64);

/// A core's state, and whose it is.
pub(crate) struct Tenancy<S>(Mutex<Held<S>>);

struct Held<S> {
    tenure: Arc<Tenure>,
    state: S,
}

/// The state of a core, locked.
pub(crate) struct Locked<'a, S>(MutexGuard<'a, Held<S>>);

impl<S> Tenancy<S> {
    /// The first owner is whoever has `tenure`.
    pub(crate) fn new(tenure: Arc<Tenure>, state: S) -> Self {
        Self(Mutex::new(Held { tenure, state }))
    }

    /// For the owner. `None`: the core was taken, and is no longer to be touched.
    #[inline]
    pub(crate) fn lock(&self, tenure: &Arc<Tenure>) -> Option<Locked<'_, S>> {
        let held = lock(&self.0);
        (Arc::ptr_eq(&held.tenure, tenure) || mutated(Mutation::NoTenureCheck)).then_some(Locked(held))
    }

    /// The present owner's tenure; `None` if the core is locked at this moment, so that its owner is not in user code.
    pub(crate) fn tenure(&self) -> Option<Arc<Tenure>> {
        self.0.try_lock().ok().map(|held| held.tenure.clone())
    }

    /// As [`Tenancy::tenure`], however long it takes.
    pub(crate) fn owner(&self) -> Arc<Tenure> {
        lock(&self.0).tenure.clone()
    }

    /// Takes the core from its owner, if that is still in `stay`; then `next` is its tenure. `evict` deletes the connection
    /// that the old owner has in hand from the poller.
    pub(crate) fn take(
        &self,
        from: &Arc<Tenure>,
        stay: Stay,
        next: &Arc<Tenure>,
        (at, burning): (Instant, bool),
        evict: impl FnOnce(&mut S),
    ) -> bool {
        let mut held = lock(&self.0);
        let same_stay = from.stay() == Some(stay) || mutated(Mutation::NoStayCheck);
        if !Arc::ptr_eq(&held.tenure, from) || !same_stay {
            return false;
        }
        evict(&mut held.state);
        let _ = from.end.set(Taken { at, endpoint: from.endpoint.load(Ordering::Relaxed), burning });
        from.taken.store(true, Ordering::Relaxed);
        held.tenure = next.clone();
        true
    }
}

impl<S> Deref for Locked<'_, S> {
    type Target = S;

    #[inline]
    fn deref(&self) -> &S {
        &self.0.state
    }
}

impl<S> DerefMut for Locked<'_, S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut S {
        &mut self.0.state
    }
}

/// What the tests of the models take away from the protocol, to see that the models notice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mutation {
    NoTenureCheck,
    NoStayCheck,
    #[cfg(all(test, loom))]
    NoDelete,
}

#[cfg(not(all(test, loom)))]
#[inline(always)]
const fn mutated(_: Mutation) -> bool {
    false
}

#[cfg(all(test, loom))]
use model::mutated;

#[cfg(all(test, loom))]
mod model {
    #![allow(clippy::unwrap_used, reason = "in a model, a poisoned lock is a failure")]

    use super::*;
    use crate::core::inbox::{Bell, Inbox};
    use loom::sync::atomic::AtomicUsize;
    use std::cell::Cell;

    thread_local! {
        static MUTATION: Cell<Option<Mutation>> = const { Cell::new(None) };
    }

    pub(super) fn mutated(mutation: Mutation) -> bool {
        MUTATION.get() == Some(mutation)
    }

    /// A core with one connection.
    struct State {
        /// The connection is in its slot.
        here: bool,
        /// Its descriptor is in the poller.
        registered: bool,
        /// The owner's note of what it took out.
        in_hand: bool,
    }

    #[derive(Default)]
    struct Chime {
        rings: AtomicUsize,
    }

    impl Bell for Chime {
        fn ring(&self) {
            self.rings.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The message is a connection on its way home.
    struct Core {
        tenancy: Tenancy<State>,
        inbox: Inbox<(), Chime>,
        first: Arc<Tenure>,
        next: Arc<Tenure>,
    }

    impl Core {
        fn new() -> Arc<Self> {
            let (first, next) = (Arc::new(Tenure::default()), Arc::new(Tenure::default()));
            let state = State { here: true, registered: true, in_hand: false };
            let (tenancy, inbox) = (Tenancy::new(first.clone(), state), Inbox::new(Chime::default()));
            Arc::new(Self { tenancy, inbox, first, next })
        }

        /// One event of an owner. `false`: the core is lost, and the thread has done its last.
        fn serve(&self, tenure: &Arc<Tenure>) -> bool {
            let Some(mut state) = self.tenancy.lock(tenure) else { return false };
            if !state.here {
                return true;
            }
            (state.here, state.in_hand) = (false, true);
            drop(state);
            tenure.enter(0);
            let taken = tenure.leave();
            match self.tenancy.lock(tenure) {
                Some(mut state) => {
                    assert!(!taken || MUTATION.get().is_some(), "told that it is lost, and is not");
                    assert!(!state.here, "in the core, and in a thread's hands");
                    assert!(state.registered, "put back into a core whose poller does not know it");
                    state.here = true;
                    true
                }
                None => {
                    self.inbox.push(());
                    false
                }
            }
        }

        /// A standby that has heard of a suspect. As the owner it reads its inbox once and would sleep then.
        fn stand_in(&self) {
            let Some(stay) = self.first.stay() else { return };
            let end = (Instant::now(), false);
            let took = self.tenancy.take(&self.first, stay, &self.next, end, |state| {
                if state.in_hand && !mutated(Mutation::NoDelete) {
                    state.registered = false;
                }
                state.in_hand = false;
            });
            if took {
                self.read_inbox();
                if !self.inbox.prepare_to_sleep() {
                    self.read_inbox();
                }
            }
        }

        fn read_inbox(&self) {
            while self.inbox.pop().is_some() {
                let mut state = self.tenancy.lock(&self.next).expect("nobody takes it from the second owner");
                assert!(!state.here, "in the core, and come home");
                assert!(!state.registered, "away, and its descriptor still in the poller");
                (state.here, state.registered) = (true, true);
            }
        }

        /// When all threads have done their last. The checks themselves are whole again.
        fn check(&self) {
            MUTATION.set(None);
            let owner = self.tenancy.owner();
            let others = [&self.first, &self.next].into_iter().filter(|tenure| !Arc::ptr_eq(tenure, &owner));
            for other in others {
                assert!(self.tenancy.lock(other).is_none(), "a second owner");
            }
            let on_its_way = self.inbox.pop().is_some();
            if on_its_way {
                assert!(self.inbox.bell().rings.load(Ordering::SeqCst) > 0, "a message, and no bell");
            }
            let state = self.tenancy.lock(&owner).unwrap();
            assert!(state.here != on_its_way, "the connection in one place");
            assert_eq!(state.here, state.registered, "in the poller while it is in the core, and only then");
        }
    }

    /// An owner that serves `events` one after another, and a standby that looks at any moment.
    fn every_order(events: usize, mutation: Option<Mutation>) {
        loom::model(move || {
            MUTATION.set(mutation);
            let core = Core::new();
            let standby = core.clone();
            let thread = loom::thread::spawn(move || standby.stand_in());
            let _ = (0..events).all(|_| core.serve(&core.first));
            thread.join().unwrap();
            core.check();
        });
    }

    #[test]
    fn a_core_has_one_owner_and_a_connection_one_place() {
        every_order(1, None);
    }

    /// The second stay must not be taken for the first.
    #[test]
    fn a_stay_that_is_over_is_not_taken() {
        every_order(2, None);
    }

    #[test]
    #[should_panic(expected = "poller does not know it")]
    fn an_owner_that_does_not_ask_whether_it_is_one_is_noticed() {
        every_order(1, Some(Mutation::NoTenureCheck));
    }

    #[test]
    #[should_panic(expected = "in the poller while it is in the core")]
    fn a_standby_that_does_not_look_again_is_noticed() {
        every_order(2, Some(Mutation::NoStayCheck));
    }

    #[test]
    #[should_panic(expected = "in the poller")]
    fn a_descriptor_that_is_not_deleted_is_noticed() {
        every_order(1, Some(Mutation::NoDelete));
    }
}
