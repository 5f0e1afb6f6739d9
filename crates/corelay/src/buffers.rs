//! What connections keep while messages are incomplete, and the bound on all of it together.
//!
//! A body that is gathered, input that waits, output that its peer has not taken: each has a limit of its own, and a server has many
//! connections. So whoever keeps bytes takes [`Room`] for them here first, and dropping the room gives them back: there is no way
//! for a connection to end (a deadline, a reset, a panic, a move to another process) that could forget to.
//!
//! - **What is small is free.** Up to [`FREE_BYTES`] in one place are part of what a connection costs anyway. So a request that comes
//!   in two pieces is served also when there is no room left.
//! - **A quarter is for answers.** What is gathered of requests may fill three quarters. A request that finds no room is answered
//!   503; an answer that is half sent can only be cut off, and must not be because others send large bodies.
//! - **Few atomic operations**: one to take room, one to give it back. Buffers double, and room is taken as they do: nine times for
//!   a body of 16 MiB. A request whose body is in the input as a whole, and whose answer the socket takes, has nothing to do with it.
//!
//! The count is one number that is only ever compared with the bound and changed in one atomic step, so there is no order of threads
//! in which it passes the bound, or does not come back to zero. How high it was is kept beside it, for [giving memory
//! back](crate::ebb). Nothing else is published by it: all orderings are relaxed.

use crate::config::Limits;
use crate::ebb::Tide;
use crate::status::Count;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is not counted in one place, in bytes.
pub(crate) const FREE_BYTES: usize = 4096;
/// The least that a server takes for its bound if nobody says one, in bytes.
const DEFAULT_BYTES_MIN: u64 = 64 << 20;
/// The part of the memory that it takes else: a quarter.
const DEFAULT_PART: u64 = 4;
/// Where the memory cannot be told.
const MEMORY_BYTES_UNKNOWN: u64 = 1 << 30;

/// The bytes that all connections of a server keep.
pub(crate) struct Buffers {
    bytes_max: usize,
    in_use: AtomicUsize,
    /// How high it was.
    pub(crate) tide: Tide,
    /// Times that memory was given back after a flood.
    pub(crate) given_back: Count,
    /// What found no room.
    pub(crate) refused: Count,
}

/// What room is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// What peers send.
    Requests,
    /// What peers do not take.
    Answers,
}

/// There is no room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Buffers {
    pub(crate) fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes_max,
            in_use: AtomicUsize::new(0),
            tide: Tide::default(),
            given_back: Count::default(),
            refused: Count::default(),
        })
    }

    /// As these limits say; else from the memory that the process may use.
    pub(crate) fn of(limits: &Limits) -> Arc<Self> {
        let of_machine = || default_bytes(corelay_poll::limits::memory_bytes());
        Self::new(limits.max_buffered_bytes.unwrap_or_else(of_machine))
    }

    /// The bound.
    pub(crate) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// The bytes that are kept at present.
    pub(crate) fn in_use(&self) -> usize {
        self.in_use.load(Ordering::Relaxed)
    }

    /// Whether an answer of so many bytes may be begun; if not, that is counted. A look, and nothing is taken: most answers
    /// are sent without being kept.
    pub(crate) fn have_room_for_answer(&self, bytes: usize) -> bool {
        let room = self.bytes_max.saturating_sub(self.in_use());
        let has_room = bytes <= FREE_BYTES || bytes <= room;
        if !has_room {
            self.refused.add_shared(1);
        }
        has_room
    }

    fn take(&self, bytes: usize, share: Share) -> Result<(), Full> {
        let most = match share {
            Share::Requests => self.bytes_max - self.bytes_max / 4,
            Share::Answers => self.bytes_max,
        };
        let taken = self.in_use.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |in_use| {
            in_use.checked_add(bytes).filter(|after| *after <= most)
        });
        let before = taken.map_err(|_| {
            self.refused.add_shared(1);
            Full
        })?;
        self.tide.rises_to(before + bytes);
        Ok(())
    }

    fn take_anyway(&self, bytes: usize) {
        let before = self.in_use.fetch_add(bytes, Ordering::Relaxed);
        self.tide.rises_to(before.saturating_add(bytes));
    }

    fn give_back(&self, bytes: usize) {
        let before = self.in_use.fetch_sub(bytes, Ordering::Relaxed);
        self.tide.falls_to(before.saturating_sub(bytes));
    }
}

/// A quarter of so much memory.
fn default_bytes(memory_bytes: Option<u64>) -> usize {
    let part = memory_bytes.unwrap_or(MEMORY_BYTES_UNKNOWN) / DEFAULT_PART;
    usize::try_from(part.max(DEFAULT_BYTES_MIN)).unwrap_or(usize::MAX)
}

/// Room for bytes that somebody keeps. Dropped, it is given back.
#[derive(Default)]
pub(crate) struct Room {
    buffers: Option<Arc<Buffers>>,
    bytes: usize,
}

impl Room {
    /// Room for so many bytes.
    pub(crate) fn of(buffers: &Arc<Buffers>, bytes: usize, share: Share) -> Result<Self, Full> {
        let mut room = Self::default();
        room.resize(buffers, bytes, share)?;
        Ok(room)
    }

    /// Makes it as large as this. `Err`: it is as it was.
    pub(crate) fn resize(&mut self, buffers: &Arc<Buffers>, bytes: usize, share: Share) -> Result<(), Full> {
        let bytes = counted(bytes);
        match bytes.checked_sub(self.bytes) {
            Some(0) => {}
            Some(more) => {
                buffers.take(more, share)?;
                self.buffers.get_or_insert_with(|| buffers.clone());
            }
            None => self.give_back(self.bytes - bytes),
        }
        self.bytes = bytes;
        Ok(())
    }

    /// The same past the bound: for what is here already and cannot be refused.
    pub(crate) fn resize_anyway(&mut self, buffers: &Arc<Buffers>, bytes: usize) {
        let bytes = counted(bytes);
        if let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) {
            buffers.take_anyway(more);
            self.buffers.get_or_insert_with(|| buffers.clone());
            self.bytes = bytes;
        }
    }

    /// How many bytes it counts for: none, if they are few.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn give_back(&self, bytes: usize) {
        if let Some(buffers) = &self.buffers {
            buffers.give_back(bytes);
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.give_back(self.bytes);
        }
    }
}

/// What counts of so many bytes.
fn counted(bytes: usize) -> usize {
    if bytes <= FREE_BYTES { 0 } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;

    #[test]
    fn room_is_taken_grown_shrunk_and_given_back() {
        let buffers = Buffers::new(100 * KIB);
        let mut room = Room::of(&buffers, 10 * KIB, Share::Requests).expect("there is room");
        assert_eq!(buffers.in_use(), 10 * KIB);
        room.resize(&buffers, 60 * KIB, Share::Requests).expect("there is room");
        assert_eq!(buffers.in_use(), 60 * KIB);
        assert_eq!(room.resize(&buffers, 76 * KIB, Share::Requests), Err(Full));
        assert_eq!((room.bytes(), buffers.in_use(), buffers.refused.read()), (60 * KIB, 60 * KIB, 1));
        room.resize(&buffers, 5 * KIB, Share::Requests).expect("less is always there");
        assert_eq!(buffers.in_use(), 5 * KIB);
        drop(room);
        assert_eq!(buffers.in_use(), 0);
    }

    #[test]
    fn what_is_small_is_free_and_comes_back_as_nothing() {
        let buffers = Buffers::new(0);
        let mut room = Room::of(&buffers, FREE_BYTES, Share::Requests).expect("it is free");
        assert_eq!(buffers.in_use(), 0);
        assert_eq!(room.resize(&buffers, FREE_BYTES + 1, Share::Answers), Err(Full));
        assert!(buffers.have_room_for_answer(FREE_BYTES));
        assert!(!buffers.have_room_for_answer(FREE_BYTES + 1));
        assert_eq!(buffers.refused.read(), 2);
    }

    #[test]
    fn a_quarter_is_left_to_answers() {
        let buffers = Buffers::new(100 * KIB);
        let bodies = Room::of(&buffers, 75 * KIB, Share::Requests).expect("there is room");
        assert!(Room::of(&buffers, 5 * KIB, Share::Requests).is_err());
        assert!(buffers.have_room_for_answer(25 * KIB));
        let answers = Room::of(&buffers, 25 * KIB, Share::Answers).expect("there is room");
        assert!(Room::of(&buffers, 5 * KIB, Share::Answers).is_err());
        drop((bodies, answers));
        assert_eq!(buffers.in_use(), 0);
    }

    #[test]
    fn what_cannot_be_refused_counts_past_the_bound() {
        let buffers = Buffers::new(10 * KIB);
        let mut room = Room::default();
        room.resize_anyway(&buffers, 20 * KIB);
        assert_eq!(buffers.in_use(), 20 * KIB);
        assert!(Room::of(&buffers, 5 * KIB, Share::Answers).is_err());
        drop(room);
        assert_eq!(buffers.in_use(), 0);
    }

    #[test]
    fn threads_that_meet_never_pass_the_bound_and_leave_nothing() {
        const THREADS: usize = 4;
        let buffers = Buffers::new(64 * KIB);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let buffers = &buffers;
                scope.spawn(move || {
                    for round in 0..10_000 {
                        let bytes = (5 + (thread * 7 + round) % 40) * KIB;
                        let mut room = Room::of(buffers, bytes, Share::Answers).unwrap_or_default();
                        assert!(buffers.in_use() <= buffers.bytes_max());
                        let _ = room.resize(buffers, bytes / 2, Share::Answers);
                    }
                });
            }
        });
        assert_eq!(buffers.in_use(), 0);
    }

    #[test]
    fn a_quarter_of_the_memory_is_the_default() {
        assert_eq!(default_bytes(Some(8 << 30)), 2 << 30);
        assert_eq!(default_bytes(Some(100 << 20)), 64 << 20);
        assert_eq!(default_bytes(None), 256 << 20);
    }
}
