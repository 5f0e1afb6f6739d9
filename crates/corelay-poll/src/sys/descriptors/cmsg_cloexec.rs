//! Received descriptors where recvmsg(2) can mark them as closed on exec.

use std::io;
use std::os::fd::OwnedFd;

pub(crate) const RECEIVE_DESCRIPTORS_FLAGS: rustix::net::RecvFlags = rustix::net::RecvFlags::CMSG_CLOEXEC;

/// Nothing is left to do.
pub(crate) fn close_on_exec(_: &OwnedFd) -> io::Result<()> {
    Ok(())
}
