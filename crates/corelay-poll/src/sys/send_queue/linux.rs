//! What is left in a socket's send queue.

use rustix::fd::AsRawFd;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

pub(crate) fn unacknowledged_bytes(socket: BorrowedFd<'_>) -> io::Result<u64> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open for as long as it is borrowed; TIOCOUTQ, which sockets know as SIOCOUTQ, writes one C int
    // through the pointer, which is to one that lives.
    let outcome = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if outcome == 0 { Ok(u64::from(bytes.unsigned_abs())) } else { Err(io::Error::last_os_error()) }
}

pub(crate) fn since_acknowledged(socket: BorrowedFd<'_>) -> io::Result<Duration> {
    // SAFETY: it is a plain structure of the kernel's, integers all of them, for which zero is a value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut size = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the descriptor is open for as long as it is borrowed; the kernel writes no more than `size` bytes, which is what there is
    // behind the pointer, and into `size` how many.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut size,
        )
    };
    let known = std::mem::offset_of!(libc::tcp_info, tcpi_last_ack_recv) + size_of::<u32>();
    match outcome {
        0 if size as usize >= known => Ok(Duration::from_millis(info.tcpi_last_ack_recv.into())),
        0 => Err(io::ErrorKind::Unsupported.into()),
        _ => Err(io::Error::last_os_error()),
    }
}
