//! Locking, and the synchronisation that models are made of.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also past a panic of another holder: everything under our locks is valid between any two statements.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What [loom](https://docs.rs/loom) puts in the place of the standard library's when it checks a model
/// (`RUSTFLAGS="--cfg loom"`, as `cargo xtask test` does): protocols between threads are written on top of this.
pub(crate) mod modelled {
    #[cfg(loom)]
    pub(crate) use loom::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence},
    };
    #[cfg(loom)]
    pub(crate) use loom::thread::{Thread, current, park};
    #[cfg(not(loom))]
    pub(crate) use std::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence},
    };
    #[cfg(not(loom))]
    pub(crate) use std::thread::{Thread, current, park};

    /// As [`lock`](super::lock).
    #[inline]
    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
