//! Received descriptors on macOS, which has no `MSG_CMSG_CLOEXEC`: another thread may start a process in between.

use std::io;
use std::os::fd::OwnedFd;

pub(crate) const RECEIVE_DESCRIPTORS_FLAGS: rustix::net::RecvFlags = rustix::net::RecvFlags::empty();

pub(crate) fn close_on_exec(descriptor: &OwnedFd) -> io::Result<()> {
    Ok(rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::CLOEXEC)?)
}
