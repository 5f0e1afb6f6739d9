//! accept4(2): Linux, FreeBSD.

use rustix::net::{SocketFlags, acceptfrom_with};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};

#[inline]
pub(crate) fn accept(listener: BorrowedFd<'_>) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
    let (socket, peer) = acceptfrom_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
    Ok((socket, peer.and_then(|peer| SocketAddr::try_from(peer).ok())))
}
