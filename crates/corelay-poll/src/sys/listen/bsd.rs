//! Listening on FreeBSD and macOS.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// macOS has no `MSG_NOSIGNAL`. Rust's runtime ignores SIGPIPE before `main`, which comes to the same.
pub(crate) const SEND_FLAGS: rustix::net::SendFlags = rustix::net::SendFlags::empty();
/// Neither has `MSG_MORE`.
pub(crate) const SEND_LAST_FLAGS: rustix::net::SendFlags = SEND_FLAGS;

/// `SO_REUSEPORT` gives all connections to one of the sockets here; FreeBSD's `SO_REUSEPORT_LB` spreads them,
/// but only over sockets that had it before they were bound, which lets a second server in unnoticed.
pub(crate) fn share_port(_: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(false)
}

/// FreeBSD has accept filters instead (accept_filter(9), a kernel module); macOS has nothing.
pub(crate) fn set_defer_accept(_: BorrowedFd<'_>, _: Duration) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// FreeBSD has no such option. On macOS it only says when a socket is reported as writable, and what is reported is then written until
/// the socket takes no more.
pub(crate) fn set_notsent_lowat(_: BorrowedFd<'_>, _: u32) -> io::Result<()> {
    Ok(())
}
