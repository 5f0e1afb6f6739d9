//! No CPU quota that a process could look up: FreeBSD's `rctl` limits time per jail, and macOS has nothing.

pub(crate) fn cpu_quota() -> Option<f64> {
    None
}
