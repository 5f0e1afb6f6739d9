//! How large the stack of a thread is, for code that needs much of one and may run on any.

use std::cell::Cell;

/// What the standard library gives a thread that asks for nothing, unless `RUST_MIN_STACK` says else.
const USUAL_BYTES: usize = 2 * 1024 * 1024;

thread_local! {
    static BYTES: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The whole stack of the calling thread, in bytes; `None` where the server did not start it.
///
/// Handlers run on threads of different sizes: `--engine threads` gives each connection 256 KiB (`--thread-stack-bytes`), service
/// threads have 2 MiB (`--service-stack-bytes`). What recurses by a peer's doing looks first.
///
/// ```
/// assert_eq!(corelay::stack_bytes(), None, "no server started this thread");
/// ```
pub fn stack_bytes() -> Option<usize> {
    BYTES.get()
}

/// To be called by each thread as it starts.
pub(crate) fn note(bytes: usize) {
    BYTES.set(Some(bytes));
}

/// The stack of a thread that is started without a size.
pub(crate) fn usual_bytes() -> usize {
    let asked = std::env::var("RUST_MIN_STACK").ok();
    asked.and_then(|bytes| bytes.parse().ok()).unwrap_or(USUAL_BYTES)
}
