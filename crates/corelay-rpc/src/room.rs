//! Stack for what needs much of it: coders of compression, and messages that lie deep in each other.
//!
//! A handler may run on a thread with a quarter of a mebibyte (`--engine threads`), where a peer's choice of a coding or of a
//! nesting must not end the process. Work runs in place where the thread has room enough, as those of the other engines
//! have for coders; else on one of a few threads that are kept for it, at most as many as there are processors, however
//! many peers ask: the others wait their turn, each on a thread that it has already.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::{Code, Error};

/// The stack of a thread with room. Memory is taken as it is touched.
const ROOM_BYTES: usize = 16 << 20;
/// What the largest coder takes: `deflate` and `zstd` 311 KiB without optimisation, 171 KiB with.
pub(crate) const CODER_BYTES: usize = 512 << 10;
/// What reading a message takes at the deepest that is allowed: 100 levels of 80 KiB, for those of types with many fields. A
/// level of `google.protobuf.Value` takes 3 KiB without optimisation.
pub(crate) const DEEP_BYTES: usize = 8 << 20;
/// What writing it takes: a fraction of that.
pub(crate) const WRITING_BYTES: usize = 1 << 20;
/// How long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

type Work = Box<dyn FnOnce() + Send>;

static ROOM: Room = Room {
    state: Mutex::new(State { waiting: VecDeque::new(), threads: 0, idle: 0 }),
    wanted: Condvar::new(),
};

thread_local! {
    static HAS_ROOM: Cell<bool> = const { Cell::new(false) };
}

struct Room {
    state: Mutex<State>,
    wanted: Condvar,
}

struct State {
    /// No more than there are threads that wait for it.
    waiting: VecDeque<Work>,
    threads: usize,
    idle: usize,
}

/// Whether this thread has this much stack, and as much again for what it is in the middle of.
pub(crate) fn is_here(bytes: usize) -> bool {
    HAS_ROOM.get() || corelay::stack_bytes().is_some_and(|stack| stack / 2 >= bytes)
}

/// Runs `work` where it has this much stack.
///
/// # Errors
/// There is no such thread and none can be started: `resource_exhausted`. It panicked: `internal`.
pub(crate) fn run<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    if is_here(bytes) {
        return Ok(work());
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    ROOM.assign(Box::new(move || {
        let _ = sender.send(work());
    }))?;
    receiver.recv().map_err(|_| Error::internal("reading or writing a message panicked"))
}

impl Room {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn assign(&'static self, work: Work) -> Result<(), Error> {
        let mut state = self.lock();
        state.waiting.push_back(work);
        if state.idle >= state.waiting.len() {
            self.wanted.notify_one();
            return Ok(());
        }
        if state.threads >= thread::available_parallelism().map_or(1, usize::from) {
            return Ok(());
        }
        let builder = thread::Builder::new().name("corelay-room".to_owned()).stack_size(ROOM_BYTES);
        match builder.spawn(|| self.serve()) {
            Ok(_) => state.threads += 1,
            // Those that run already come to it.
            Err(_) if state.threads > 0 => {}
            Err(_) => {
                state.waiting.pop_back();
                return Err(Error::new(Code::ResourceExhausted, "there is no thread for this message"));
            }
        }
        Ok(())
    }

    /// What a thread does from its first to its last.
    fn serve(&self) {
        HAS_ROOM.set(true);
        let mut state = self.lock();
        loop {
            if let Some(work) = state.waiting.pop_front() {
                drop(state);
                // Who waits for it hears of a panic by its channel.
                let _ = catch_unwind(AssertUnwindSafe(work));
                state = self.lock();
                continue;
            }
            state.idle += 1;
            let (woken, waited) =
                self.wanted.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.waiting.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    /// Uses a mebibyte of stack, a little in each call.
    fn descend(left: usize) -> u8 {
        let frame = std::hint::black_box([1_u8; 1024]);
        if left == 0 { frame[0] } else { std::hint::black_box(descend(left - 1)) & frame[1] }
    }

    #[test]
    fn many_threads_without_room_share_the_few_that_have_it() {
        thread::scope(|scope| {
            let narrow = || thread::Builder::new().stack_size(64 << 10);
            let runs: Vec<_> = (0..64)
                .map(|_| {
                    narrow()
                        .spawn_scoped(scope, || run(DEEP_BYTES, || (descend(1024), thread::current().id())))
                })
                .collect();
            let mut ids: Vec<_> = runs.into_iter().map(|run| run.unwrap().join().unwrap().unwrap()).collect();
            assert!(ids.iter().all(|(one, _)| *one == 1));
            ids.sort_by_key(|(_, id)| format!("{id:?}"));
            ids.dedup();
            // A thread may have ended and another one come while others in this process use the room too.
            assert!(ids.len() <= 2 * thread::available_parallelism().unwrap().get(), "{}", ids.len());
        });
    }

    #[test]
    fn a_panic_is_an_error_and_costs_nobody_else() {
        for _ in 0..3 {
            let error = run(DEEP_BYTES, || -> u8 { panic!("as it is meant to") }).unwrap_err();
            assert_eq!(error.code(), Code::Internal);
        }
        assert_eq!(run(DEEP_BYTES, || 7).unwrap(), 7);
    }

    #[test]
    fn work_inside_work_stays_where_it_is() {
        let outer = run(DEEP_BYTES, || {
            let inner = run(DEEP_BYTES, || thread::current().id()).unwrap();
            (inner, thread::current().id())
        });
        let (inner, outer) = outer.unwrap();
        assert_eq!(inner, outer);
    }
}
