//! Changing filters and taking events, in the two shapes that every handle here needs.

use super::event::blank;
use nix::errno::Errno;
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};
use rustix::io::{FdFlags, fcntl_setfd};
use std::io;

const NOW: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: 0 };

/// An empty queue, closed on exec. fork(2) does not pass a kqueue on, but exec without a fork would keep it.
/// Only some releases have a call that sets the flag at once (`kqueue1`, `kqueuex`).
pub(super) fn queue() -> io::Result<Kqueue> {
    let queue = Kqueue::new()?;
    fcntl_setfd(&queue, FdFlags::CLOEXEC)?;
    Ok(queue)
}

/// A change that answers for itself: with `EV_RECEIPT` one refused change does not keep the next from being
/// made.
pub(super) fn change(
    ident: usize,
    filter: EventFilter,
    flags: EvFlags,
    fflags: FilterFlag,
    data: isize,
) -> KEvent {
    KEvent::new(ident, filter, flags | EvFlags::EV_RECEIPT, fflags, data, 0)
}

/// Makes `changes` and returns the first error that matters.
///
/// `ENOENT` to an `EV_DELETE` says that the filter was not there, which is what was wanted. `EPIPE` to an
/// `EV_ADD` is how macOS registers a pipe whose other end is gone: the filter is in place and reports the end
/// (mio #582).
pub(super) fn apply<const N: usize>(queue: &Kqueue, changes: [KEvent; N]) -> io::Result<()> {
    let mut receipts = [(); N].map(|()| blank());
    let count = queue.kevent(&changes, &mut receipts, Some(NOW))?;
    for (receipt, change) in receipts[..count].iter().zip(&changes) {
        let errno = Errno::from_raw(receipt.data() as i32);
        let harmless = match errno {
            Errno::ENOENT => change.flags().contains(EvFlags::EV_DELETE),
            Errno::EPIPE => true,
            _ => receipt.data() == 0 || !receipt.flags().contains(EvFlags::EV_ERROR),
        };
        if !harmless {
            return Err(errno.into());
        }
    }
    Ok(())
}

/// Takes one event out of a handle's own queue, if there is one. Never blocks.
///
/// Errors are no events: a live queue read without waiting has none to give.
pub(super) fn take(queue: &Kqueue) -> Option<KEvent> {
    let mut taken = [blank()];
    match queue.kevent(&[], &mut taken, Some(NOW)) {
        Ok(1) => Some(taken[0]),
        _ => None,
    }
}
