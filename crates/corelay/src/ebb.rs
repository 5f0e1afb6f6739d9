//! After a flood of bodies, memory goes back to the operating system.
//!
//! What connections keep is freed as soon as it may be, but an allocator holds on to it: after 40 clients had posted bodies of up
//! to 16 MiB, glibc kept up to 338 MiB of the 402 MiB that these had needed at most, for good. To have it keep less (`M_TRIM_THRESHOLD`,
//! `M_MMAP_THRESHOLD`) costs every large body fresh pages from the kernel, about as much CPU time again. So it keeps what it likes while
//! there is use for it, and is asked for it once the flood has ebbed, and stayed so for a moment.
//!
//! ```text
//!              a flood, then a quarter of it or less           as little for all of CALM
//!   [`Tide`] ────────────────────────────────────────▶ told ────────────────────────────▶ given back
//!   whoever keeps bytes                                 [`Ebb`]: the supervisor ◀─┐ else: wait again
//!                                                                             └──┘
//! ```
//!
//! A server in which nothing is kept does nothing for it. What handlers allocate for themselves is not seen here;
//! they may call [`corelay_poll::memory::give_back`].

use crate::handle::Control;
use corelay_poll::{Timer, memory};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Less is no flood, in bytes: what an allocator keeps of it is not worth asking for.
const FLOOD_BYTES_MIN: usize = 16 << 20;
/// A flood has ebbed when one part of so many is left.
const EBB_PARTS: usize = 4;
/// How long it has to stay so: longer than the pauses between large bodies, which want the same memory again.
const CALM: Duration = Duration::from_secs(2);

/// How high it was, as whoever keeps bytes tells. Relaxed throughout: what comes of a race is an ebb that is found a flood later.
#[derive(Default)]
pub(crate) struct Tide {
    /// The most bytes in use since it was last asked.
    high: AtomicUsize,
    /// The supervisor knows, and will ask.
    is_told: AtomicBool,
    supervisor: OnceLock<Arc<Control>>,
}

impl Tide {
    /// Whom to tell.
    pub(crate) fn tell(&self, supervisor: Arc<Control>) {
        let _ = self.supervisor.set(supervisor);
    }

    /// So many bytes are in use, which is more than before.
    pub(crate) fn rises_to(&self, in_use: usize) {
        if in_use > self.high.load(Ordering::Relaxed) {
            self.high.fetch_max(in_use, Ordering::Relaxed);
        }
    }

    /// So many bytes are in use, which is less than before.
    pub(crate) fn falls_to(&self, in_use: usize) {
        if has_ebbed(in_use, self.high.load(Ordering::Relaxed))
            && !self.is_told.load(Ordering::Relaxed)
            && let Some(supervisor) = self.supervisor.get()
            && !self.is_told.swap(true, Ordering::Relaxed)
        {
            supervisor.tell_of_ebb();
        }
    }

    /// The most bytes in use since this was last called; now they are so many.
    fn take_high(&self, in_use: usize) -> usize {
        self.high.swap(in_use, Ordering::Relaxed).max(in_use)
    }
}

/// Whether so little is left of a flood.
fn has_ebbed(in_use: usize, high: usize) -> bool {
    high >= FLOOD_BYTES_MIN && in_use <= high / EBB_PARTS
}

/// The supervisor's part: it waits for calm.
pub(crate) struct Ebb {
    pub(crate) timer: Timer,
    /// The flood's height.
    high: usize,
}

impl Ebb {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self { timer: Timer::new()?, high: 0 })
    }

    /// A flood has ebbed.
    pub(crate) fn begin(&mut self, tide: &Tide, in_use: usize) {
        self.high = tide.take_high(in_use);
        self.wait(tide);
    }

    /// The timer has expired. Returns whether memory was given back.
    pub(crate) fn look(&mut self, tide: &Tide, in_use: usize) -> bool {
        self.timer.acknowledge();
        let high = tide.take_high(in_use);
        if !has_ebbed(high, self.high) {
            self.high = self.high.max(high);
            self.wait(tide);
            return false;
        }
        tracing::debug!(bytes = self.high, "a flood of bodies has ebbed: memory is given back");
        memory::give_back();
        tide.is_told.store(false, Ordering::Relaxed);
        true
    }

    fn wait(&self, tide: &Tide) {
        if self.timer.set_after(CALM).is_err() {
            // The next ebb is told of again.
            tide.is_told.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn tide() -> (Tide, Arc<Control>) {
        let (tide, supervisor) = (Tide::default(), Arc::new(Control::new().expect("a waker")));
        tide.tell(supervisor.clone());
        (tide, supervisor)
    }

    #[test]
    fn an_ebb_is_told_of_once() {
        let (tide, supervisor) = tide();
        tide.rises_to(40 * MIB);
        tide.falls_to(11 * MIB);
        assert!(!supervisor.take_ebb(), "more than a quarter is left");
        tide.falls_to(10 * MIB);
        assert!(supervisor.take_ebb());
        tide.falls_to(0);
        assert!(!supervisor.take_ebb(), "it knows");
    }

    #[test]
    fn little_is_no_flood() {
        let (tide, supervisor) = tide();
        tide.rises_to(FLOOD_BYTES_MIN - 1);
        tide.falls_to(0);
        assert!(!supervisor.take_ebb());
    }

    #[test]
    fn memory_is_given_back_once_it_is_calm() {
        let (tide, supervisor) = tide();
        let mut ebb = Ebb::new().expect("a timer");
        tide.rises_to(40 * MIB);
        tide.falls_to(0);
        ebb.begin(&tide, 0);
        tide.rises_to(30 * MIB);
        tide.falls_to(5 * MIB);
        assert!(!ebb.look(&tide, 5 * MIB), "there was a wave meanwhile");
        tide.rises_to(6 * MIB);
        assert!(ebb.look(&tide, 5 * MIB), "a quarter is left, and stays");
        assert!(supervisor.take_ebb());

        tide.rises_to(20 * MIB);
        tide.falls_to(0);
        assert!(supervisor.take_ebb(), "the next flood is told of again");
    }
}
