//! What is left in a socket's send queue.

use rustix::fd::AsRawFd;
use std::io;
use std::os::fd::BorrowedFd;

pub(crate) fn unacknowledged_bytes(socket: BorrowedFd<'_>) -> io::Result<u64> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open for as long as it is borrowed; TIOCOUTQ, which sockets know as SIOCOUTQ, writes one C int
    // through the pointer, which is to one that lives.
    let outcome = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if outcome == 0 { Ok(u64::from(bytes.unsigned_abs())) } else { Err(io::Error::last_os_error()) }
}
