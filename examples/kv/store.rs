//! All shards, each behind a lock of its own, and the thread that sweeps them.
//!
//! With `--shards relayed` there are as many shards as cores, and only the core that owns a shard ever serves it: its lock is
//! never contended, but by the sweep. With `--shards locked` there are many more, and any core takes the lock of the shard it needs.
//! No thread ever holds two.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::budget::Budget;
use crate::clock::{Clock, Moment};
use crate::command::{Command, Described};
use crate::execute::{Execution, execute};
use crate::request;
use crate::shard::{self, Shard, shard_of};

/// Places that one sweep of a shard looks at: some tens of microseconds with its lock held.
const SWEEP_PLACES: usize = 1024;
/// Between two sweeps, unless many had expired.
const SWEEP_PERIOD: Duration = Duration::from_millis(100);
/// Of the places that a sweep looks at, so many with an expired key make it go on at once.
const SWEEP_MANY: usize = SWEEP_PLACES / 10;

/// What the server may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) request: request::Limits,
    /// Octets of one request, arguments and what frames them.
    pub(crate) request_bytes_max: usize,
    /// Octets of keys, values and tables, over all shards.
    pub(crate) memory_bytes_max: usize,
    /// Octets of one reply, which only MGET can reach.
    pub(crate) reply_bytes_max: usize,
}

/// The keys, and what is counted of the connections.
#[derive(Debug)]
pub(crate) struct Store {
    shards: Box<[Place]>,
    pub(crate) hashing: RandomState,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) seen: Seen,
    /// Whether the sweeper has been told of work that it has not looked at.
    told: AtomicBool,
    sweeper: Mutex<Option<thread::Thread>>,
}

/// What was seen of connections and commands.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) connections: AtomicUsize,
    pub(crate) closed: AtomicUsize,
    /// By core.
    commands: [Lane; LANES],
}

/// Cores that count in a place of their own; further ones share it.
const LANES: usize = 16;

/// On a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Lane(AtomicUsize);

impl Seen {
    #[inline]
    pub(crate) fn count_commands(&self, core: usize, commands: usize) {
        self.commands[core % LANES].0.fetch_add(commands, Ordering::Relaxed);
    }

    pub(crate) fn commands(&self) -> usize {
        self.commands.iter().map(|lane| lane.0.load(Ordering::Relaxed)).sum()
    }
}

/// On cache lines of its own: the neighbours' locks are others' business.
#[derive(Debug)]
#[repr(align(128))]
struct Place(Mutex<Shard>);

/// The shard that a turn works on: its lock is kept until another is needed, or the turn ends.
pub(crate) struct Held<'a> {
    store: &'a Store,
    index: usize,
    guard: Option<MutexGuard<'a, Shard>>,
}

impl Store {
    pub(crate) fn new(shards: usize, limits: Limits) -> Self {
        let hashing = RandomState::default();
        let budget = Arc::new(Budget::new(limits.memory_bytes_max));
        let shard = |_| Place(Mutex::new(Shard::new(&hashing, budget.clone())));
        let shards = (0..shards).map(shard).collect();
        Self {
            shards,
            hashing,
            limits,
            clock: Clock::start(),
            seen: Seen::default(),
            told: AtomicBool::new(false),
            sweeper: Mutex::new(None),
        }
    }

    /// Starts the thread that removes what has expired. It sleeps while nothing can expire, and ends with the process.
    pub(crate) fn start_sweeper(self: &Arc<Self>) -> std::io::Result<()> {
        let store = Arc::clone(self);
        let sweeper =
            thread::Builder::new().name("kv-sweeper".into()).spawn(move || store.sweep_for_ever())?;
        let mut place = self.sweeper.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(sweeper.thread().clone());
        Ok(())
    }

    /// Tells the sweeper that there is something that will expire, or was thrown away.
    pub(crate) fn tell_sweeper(&self) {
        if !self.told.swap(true, Ordering::Release) {
            let sweeper = self.sweeper.lock().unwrap_or_else(PoisonError::into_inner);
            sweeper.iter().for_each(thread::Thread::unpark);
        }
    }

    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The hash of a key, and its shard.
    #[inline]
    pub(crate) fn locate(&self, key: &[u8]) -> (u64, usize) {
        let hash = shard::hash(&self.hashing, key);
        (hash, shard_of(hash, self.shards.len()))
    }

    pub(crate) fn hold(&self) -> Held<'_> {
        Held { store: self, index: 0, guard: None }
    }

    /// A panic while the lock was held left a shard whose counts may be wrong, and whose keys are not.
    fn lock(&self, index: usize) -> MutexGuard<'_, Shard> {
        self.shards[index % self.shards.len()].0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sweep_for_ever(&self) {
        loop {
            self.told.store(false, Ordering::Release);
            let more = (0..self.shards.len()).fold(false, |more, index| self.sweep(index) | more);
            if more {
                thread::park_timeout(SWEEP_PERIOD);
            } else if !self.told.load(Ordering::Acquire) {
                thread::park();
            }
        }
    }

    /// Sweeps a shard while much is found, its lock let go in between. Whether there is more to find, some time.
    fn sweep(&self, index: usize) -> bool {
        let moment = self.clock.moment();
        loop {
            let swept = self.lock(index).sweep(SWEEP_PLACES, &moment);
            if swept.expired < SWEEP_MANY && !swept.gave_back {
                return swept.more;
            }
        }
    }
}

impl Held<'_> {
    #[inline]
    pub(crate) fn shard(&mut self, index: usize) -> &mut Shard {
        if self.index != index {
            // Before the next is taken: who holds two waits for somebody who holds the other.
            self.guard = None;
            self.index = index;
        }
        self.guard.get_or_insert_with(|| self.store.lock(index))
    }

    /// Executes a command on a shard, and tells the sweeper if that may have given it work: a lifetime, or everything thrown away.
    #[inline]
    pub(crate) fn execute(
        &mut self,
        shard: usize,
        described: &Described,
        arguments: &[&[u8]],
        hash: u64,
        moment: &Moment,
        out: &mut Vec<u8>,
    ) {
        execute(described, Execution { shard: self.shard(shard), arguments, hash, moment, out });
        let swept = match described.command {
            Command::Set => arguments.len() > 2,
            Command::Expire | Command::PExpire | Command::FlushAll | Command::FlushDb => true,
            _ => false,
        };
        if swept {
            self.store.tell_sweeper();
        }
    }
}
