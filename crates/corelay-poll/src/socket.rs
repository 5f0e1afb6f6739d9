//! What a server does with a socket and the standard library does in too many system calls.

pub use crate::descriptors::{DESCRIPTORS_MAX, receive_with_descriptors, send_with_descriptors};
use crate::sys;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// Accepts one connection, already non-blocking and closed on exec, with the peer's address.
///
/// [`TcpListener::accept`](std::net::TcpListener::accept) leaves it blocking and costs an `ioctl` more per
/// connection; here it is one call, accept4(2), where the kernel has it (macOS has not, and takes three). The
/// address is `None` for Unix-domain peers, who have none worth the name. `TCP_NODELAY` is inherited from the
/// listener.
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
/// `WouldBlock` when nobody is waiting and the listener is non-blocking. `ConnectionAborted` when the peer
/// gave up in the queue: accept the next. `EMFILE` and `ENFILE`: the connection stays in the queue and the
/// listener readable, so a loop that goes on waiting for it spins.
#[inline]
pub fn accept(listener: impl AsFd) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
    sys::accept(listener.as_fd())
}

/// Lets further sockets bind to the port of `socket` and share its connections, spread by the kernel. To be
/// called on a socket that listens already: until then nobody else can, so a second server is noticed.
///
/// `false` where the kernel would not spread them (FreeBSD, macOS): share the one socket instead.
///
/// # Errors
///
/// What setsockopt(2) reports.
pub fn share_port(socket: impl AsFd) -> io::Result<bool> {
    sys::share_port(socket.as_fd())
}

/// Has the kernel hold connections back until their first bytes are here, or for about `wait`, rounded up to
/// seconds (`TCP_DEFER_ACCEPT`, tcp(7)). A peer that waits for the server to speak first is held back that
/// long.
///
/// # Errors
///
/// `Unsupported` but on Linux.
pub fn set_defer_accept(socket: impl AsFd, wait: Duration) -> io::Result<()> {
    sys::set_defer_accept(socket.as_fd(), wait)
}

/// Bounds what the kernel takes of what is sent before the peer has room for it, in bytes (`TCP_NOTSENT_LOWAT`, tcp(7)). On a
/// socket that listens: for the connections that are accepted from it. 0 is the kernel's own setting,
/// `net.ipv4.tcp_notsent_lowat`. Does nothing but on Linux.
///
/// # Errors
///
/// What setsockopt(2) reports.
pub fn set_notsent_lowat(socket: impl AsFd, bytes: u32) -> io::Result<()> {
    sys::set_notsent_lowat(socket.as_fd(), bytes)
}

/// Sends what the socket takes of `bytes`, without waiting if it is non-blocking. To a peer that is gone it is an error,
/// never SIGPIPE.
///
/// # Errors
///
/// `WouldBlock` when the socket takes nothing; what else send(2) reports.
#[inline]
pub fn send(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(socket, bytes, sys::SEND_FLAGS)?)
}

/// [`send`] of what is last: to be followed by closing the socket, or shutting it for writing, at once.
///
/// On Linux the end of the stream then goes out with the bytes, in one segment instead of two (`MSG_MORE`, send(2)). If the
/// socket stays open instead, the bytes wait up to 200 ms. Not for a socket that resets its peer when it is closed
/// (`SO_LINGER` of zero, socket(7)): bytes that wait are dropped then.
///
/// ```
/// use corelay_poll::socket;
/// use std::io::Read;
/// use std::net::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut client = TcpStream::connect(listener.local_addr()?)?;
/// let (connection, _) = socket::accept(&listener)?;
/// socket::send_last(&connection, b"goodbye")?;
/// drop(connection);
/// let mut received = String::new();
/// client.read_to_string(&mut received)?;
/// assert_eq!(received, "goodbye");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// As [`send`].
#[inline]
pub fn send_last(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(socket, bytes, sys::SEND_LAST_FLAGS)?)
}

/// [`send`] of several pieces as one.
///
/// # Errors
///
/// As [`send`].
#[inline]
pub fn send_vectored(socket: impl AsFd, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
    let mut nothing = rustix::net::SendAncillaryBuffer::default();
    Ok(rustix::net::sendmsg(socket, pieces, &mut nothing, sys::SEND_FLAGS)?)
}

/// Bytes that were sent and that the peer's kernel has not acknowledged yet (`SIOCOUTQ`, tcp(7)).
///
/// A socket takes more, and is writable, only when a good part of this is gone: a peer that reads slowly makes it
/// smaller long before. Of a Unix-domain socket it is memory in use, which falls with each piece that was read whole.
///
/// ```
/// use corelay_poll::socket;
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// let (mut ours, mut theirs) = UnixStream::pair()?;
/// ours.write_all(b"hello")?;
/// if let Ok(before) = socket::unacknowledged_bytes(&ours) {
///     theirs.read_exact(&mut [0; 5])?;
///     assert!(socket::unacknowledged_bytes(&ours)? < before);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// `Unsupported` but on Linux; what else ioctl(2) reports.
pub fn unacknowledged_bytes(socket: impl AsFd) -> io::Result<u64> {
    sys::unacknowledged_bytes(socket.as_fd())
}

/// How long ago the peer's kernel acknowledged something the last time (`tcpi_last_ack_recv` of `TCP_INFO`, tcp(7)), to a few
/// milliseconds. Where [nothing is left](unacknowledged_bytes) to acknowledge, the peer is waiting since then.
///
/// ```
/// use corelay_poll::socket;
/// use std::io::{Read, Write};
/// use std::net::{TcpListener, TcpStream};
/// use std::time::Instant;
///
/// let begun = Instant::now();
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut theirs = TcpStream::connect(listener.local_addr()?)?;
/// let (mut ours, _) = listener.accept()?;
/// ours.write_all(b"hello")?;
/// theirs.read_exact(&mut [0; 5])?;
/// if let Ok(since) = socket::since_acknowledged(&ours) {
///     assert!(since.as_millis() <= begun.elapsed().as_millis() + 20);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// `Unsupported` but on Linux, and what else getsockopt(2) reports: of a Unix-domain socket the kernel does not know.
pub fn since_acknowledged(socket: impl AsFd) -> io::Result<Duration> {
    sys::since_acknowledged(socket.as_fd())
}
