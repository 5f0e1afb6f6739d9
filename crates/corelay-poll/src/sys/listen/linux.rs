//! Listening on Linux.

use rustix::fd::AsRawFd;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// Sending to a peer that is gone is an error, not a signal (send(2)).
pub(crate) const SEND_FLAGS: rustix::net::SendFlags = rustix::net::SendFlags::NOSIGNAL;
/// The last segment waits for what follows, at most 200 ms (`MSG_MORE`, send(2)); a FIN goes with it (`tcp_send_fin`).
pub(crate) const SEND_LAST_FLAGS: rustix::net::SendFlags =
    rustix::net::SendFlags::NOSIGNAL.union(rustix::net::SendFlags::MORE);

/// `SO_REUSEPORT` spreads connections over the sockets that share a port (socket(7), Linux 3.9), and counts
/// when the next socket binds (`inet_csk_bind_conflict`), so it can be set on one that listens already.
pub(crate) fn share_port(socket: BorrowedFd<'_>) -> io::Result<bool> {
    rustix::net::sockopt::set_socket_reuseport(socket, true)?;
    Ok(true)
}

/// tcp(7): whole seconds, which the kernel rounds to its retransmission times (`secs_to_retrans`).
pub(crate) fn set_defer_accept(socket: BorrowedFd<'_>, wait: Duration) -> io::Result<()> {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    set_tcp(socket, libc::TCP_DEFER_ACCEPT, libc::c_int::try_from(seconds).unwrap_or(libc::c_int::MAX))
}

/// tcp(7); Linux 3.12. Accepted sockets have what the listening one had when their handshake was over.
pub(crate) fn set_notsent_lowat(socket: BorrowedFd<'_>, bytes: u32) -> io::Result<()> {
    set_tcp(socket, libc::TCP_NOTSENT_LOWAT, libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX))
}

fn set_tcp(socket: BorrowedFd<'_>, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the descriptor is open for as long as it is borrowed; the option's value is a C int, read and
    // not kept, and its size is that of the int it points to.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            option,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
