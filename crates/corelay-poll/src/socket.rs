//! What a server does with a socket and the standard library does in too many system calls.

use crate::sys;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

/// Accepts one connection, already non-blocking and closed on exec, with the peer's address.
///
/// [`TcpListener::accept`](std::net::TcpListener::accept) leaves it blocking and costs an `ioctl` more per
/// connection; here it is one call, accept4(2), where the kernel has it (macOS has not, and takes three). The address
/// is `None` for Unix-domain peers, who have none worth the name. `TCP_NODELAY` is inherited from the listener.
///
/// ```
/// use corelay_poll::socket;
/// use std::net::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let client = TcpStream::connect(listener.local_addr()?)?;
/// let (connection, peer) = socket::accept(&listener)?;
/// assert_eq!(peer, Some(client.local_addr()?));
/// # drop(connection);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// `WouldBlock` when nobody is waiting and the listener is non-blocking. `ConnectionAborted` when the peer gave up in
/// the queue: accept the next. `EMFILE` and `ENFILE`: the connection stays in the queue and the listener readable, so
/// a loop that goes on waiting for it spins.
pub fn accept(listener: impl AsFd) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
    sys::accept(listener.as_fd())
}
