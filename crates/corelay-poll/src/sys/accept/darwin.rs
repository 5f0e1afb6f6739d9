//! macOS has no accept4(2). Between `accept` and `FIONBIO` the socket blocks (nobody uses it yet), and
//! between `accept` and `FIOCLEX` another thread's fork and exec may leak it: a race that only the kernel
//! could close.

use rustix::io::{ioctl_fioclex, ioctl_fionbio};
use rustix::net::{acceptfrom, sockopt::set_socket_nosigpipe};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};

/// `SO_NOSIGPIPE` as the standard library sets it on its own sockets: this kernel has no `MSG_NOSIGNAL`.
pub(crate) fn accept(listener: BorrowedFd<'_>) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
    let (socket, peer) = acceptfrom(listener)?;
    ioctl_fioclex(&socket)?;
    ioctl_fionbio(&socket, true)?;
    set_socket_nosigpipe(&socket, true)?;
    Ok((socket, peer.and_then(|peer| SocketAddr::try_from(peer).ok())))
}
