//! Nothing is known of limits on threads but that the kernel has some.

use crate::limits::ThreadLimit;

pub(crate) fn room(_: usize, _: usize) -> Result<(), ThreadLimit> {
    Ok(())
}

pub(crate) fn reached() -> ThreadLimit {
    ThreadLimit::Memory
}
