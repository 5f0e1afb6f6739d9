//! No quota that a process could look up: FreeBSD's `rctl` limits time and memory per jail, and macOS has nothing.

pub(crate) fn cpu_quota() -> Option<f64> {
    None
}

pub(crate) fn memory_limit() -> Option<u64> {
    None
}
