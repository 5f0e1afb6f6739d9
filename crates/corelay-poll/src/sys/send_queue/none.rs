//! FreeBSD's `FIONWRITE` and macOS's `SO_NWRITE` would tell; nothing that safe Rust reaches asks them.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

pub(crate) fn unacknowledged_bytes(_: BorrowedFd<'_>) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn since_acknowledged(_: BorrowedFd<'_>) -> io::Result<Duration> {
    Err(io::ErrorKind::Unsupported.into())
}
