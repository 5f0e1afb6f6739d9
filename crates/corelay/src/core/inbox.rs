//! A thread's queue of relayed connections, with a bell that is rung only when its thread sleeps.
//!
//! ```text
//!   owner                                     sender
//!   -----                                     ------
//!   asleep := true                            queue.push(message)
//!   queue empty? -- no --> do not sleep       asleep was true? -- yes --> asleep := false, ring
//!     yes: wait for the bell
//!   asleep := false
//! ```
//!
//! Both sides write first and read the other's variable second, all under sequential consistency: either the owner
//! sees the message before it sleeps, or the sender sees it asleep and rings. loom checks that below: no message
//! is lost or left behind a sleeping owner, and of several senders one rings.

use crate::sync::modelled::{AtomicBool, Mutex, Ordering, lock};
use std::collections::VecDeque;

/// What wakes the owner: a waker in its poller.
pub(crate) trait Bell {
    fn ring(&self);
}

/// A queue that many threads push to and one drains.
pub(crate) struct Inbox<T, B> {
    queue: Mutex<VecDeque<T>>,
    /// Whether the owner sleeps, or is about to and will look at the queue first.
    asleep: AtomicBool,
    bell: B,
}

impl<T, B: Bell> Inbox<T, B> {
    pub(crate) fn new(bell: B) -> Self {
        Self { queue: Mutex::new(VecDeque::new()), asleep: AtomicBool::new(false), bell }
    }

    pub(crate) fn bell(&self) -> &B {
        &self.bell
    }

    /// Hands `message` to the owner.
    pub(crate) fn push(&self, message: T) {
        lock(&self.queue).push_back(message);
        if self.asleep.swap(false, Ordering::SeqCst) {
            self.bell.ring();
        }
    }

    /// The oldest message.
    pub(crate) fn pop(&self) -> Option<T> {
        lock(&self.queue).pop_front()
    }

    /// Owner only: says that it is about to sleep. `false`: a message is there, so it must not.
    ///
    /// All changes of `asleep` are read-modify-write operations: each then follows the one it has read, and no store of
    /// the owner's can slip between a sender's look and its change.
    pub(crate) fn prepare_to_sleep(&self) -> bool {
        self.asleep.swap(true, Ordering::SeqCst);
        if lock(&self.queue).is_empty() {
            return true;
        }
        self.asleep.swap(false, Ordering::SeqCst);
        false
    }

    /// Owner only: says that it no longer sleeps.
    pub(crate) fn woke(&self) {
        self.asleep.swap(false, Ordering::SeqCst);
    }
}

#[cfg(all(test, loom))]
mod model {
    #![allow(clippy::unwrap_used, reason = "in a model, a poisoned lock is a failure")]

    use super::*;
    use loom::sync::{Arc, Condvar, Mutex as LoomMutex, atomic::AtomicUsize};

    /// A bell as an eventfd is one: it stays rung until somebody listens.
    #[derive(Default)]
    struct Chime {
        rung: LoomMutex<bool>,
        heard: Condvar,
        rings: AtomicUsize,
    }

    impl Bell for Arc<Chime> {
        fn ring(&self) {
            self.rings.fetch_add(1, Ordering::SeqCst);
            *self.rung.lock().unwrap() = true;
            self.heard.notify_one();
        }
    }

    fn listen(chime: &Chime) {
        let mut rung = chime.rung.lock().unwrap();
        while !*rung {
            rung = chime.heard.wait(rung).unwrap();
        }
        *rung = false;
    }

    /// A deadlock here would be a lost wake-up: loom reports it. `preemptions` bounds the orders that are tried.
    fn every_message_arrives(senders: usize, preemptions: Option<usize>) {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = preemptions;
        model.check(move || {
            let inbox = Arc::new(Inbox::new(Arc::new(Chime::default())));
            let threads: Vec<_> = (0..senders)
                .map(|sender| {
                    let inbox = inbox.clone();
                    loom::thread::spawn(move || inbox.push(sender))
                })
                .collect();
            let mut received = Vec::new();
            while received.len() < senders {
                while let Some(message) = inbox.pop() {
                    received.push(message);
                }
                if received.len() < senders && inbox.prepare_to_sleep() {
                    listen(inbox.bell());
                }
                inbox.woke();
            }
            received.sort_unstable();
            assert_eq!(received, (0..senders).collect::<Vec<_>>());
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }

    #[test]
    fn no_message_is_left_behind_a_sleeping_owner() {
        every_message_arrives(1, None);
    }

    /// All orders would take hours; a wake-up that two senders lose is lost with few preemptions.
    #[test]
    fn of_two_senders_none_is_lost() {
        every_message_arrives(2, Some(3));
    }

    /// The test of the test: an owner that looks before it says that it sleeps loses a wake-up, and loom finds the
    /// order in which it does.
    #[test]
    #[should_panic(expected = "asleep, with a message and no bell")]
    fn looking_before_saying_so_loses_a_wake_up() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::new(Arc::new(Chime::default())));
            let sender = inbox.clone();
            let thread = loom::thread::spawn(move || sender.push(()));
            let empty = lock(&inbox.queue).is_empty();
            inbox.asleep.store(empty, Ordering::SeqCst);
            thread.join().unwrap();
            let rung = inbox.bell().rings.load(Ordering::SeqCst) > 0;
            let waiting = !lock(&inbox.queue).is_empty();
            let lost = inbox.asleep.load(Ordering::SeqCst) && waiting && !rung;
            assert!(!lost, "asleep, with a message and no bell");
        });
    }
}
