//! malloc_trim(3), which since glibc 2.8 gives back whole pages inside of all arenas too.

pub(crate) fn give_memory_back() -> bool {
    // SAFETY: it takes a number, may be called by any thread at any time, and touches only memory that nobody has.
    unsafe { libc::malloc_trim(0) == 1 }
}
