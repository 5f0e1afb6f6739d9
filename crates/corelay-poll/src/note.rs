//! Notes between processes of one machine that know each other only by a name.

use crate::sys;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Takes in notes under a name: readable while there is one. On Linux a datagram socket with an abstract name (unix(7)), which
/// belongs to the network namespace and is gone with its process; elsewhere one in `/tmp`.
///
/// Anybody on the machine may send one, so a note is news and not an order.
///
/// ```
/// use corelay_poll::NoteBox;
///
/// let name = format!("corelay-poll-example-{}", std::process::id());
/// let notes = NoteBox::open(&name)?;
/// NoteBox::send(&name, b"it is done")?;
/// assert_eq!(notes.take()?, Some(b"it is done".to_vec()));
/// assert_eq!(notes.take()?, None);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct NoteBox {
    socket: OwnedFd,
}

/// What of a note is read, in bytes.
const NOTE_BYTES_MAX: usize = 4096;

impl NoteBox {
    /// Opens one under this name.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if there is one; what else socket(2) and bind(2) report.
    pub fn open(name: &str) -> io::Result<Self> {
        let socket = socket()?;
        rustix::net::bind(&socket, &sys::local_name(name)?)?;
        Ok(Self { socket })
    }

    /// The oldest note, if there is one.
    ///
    /// # Errors
    ///
    /// What recv(2) reports.
    pub fn take(&self) -> io::Result<Option<Vec<u8>>> {
        let mut note = vec![0; NOTE_BYTES_MAX];
        match rustix::net::recv(&self.socket, &mut note[..], RecvFlags::empty()) {
            Ok((count, _)) => {
                note.truncate(count);
                Ok(Some(note))
            }
            Err(rustix::io::Errno::AGAIN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a note to whoever has opened a box of this name. Never waits.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` or `NotFound` if nobody has; `WouldBlock` if the box is full.
    pub fn send(name: &str, note: &[u8]) -> io::Result<()> {
        rustix::net::sendto(&socket()?, note, SendFlags::empty(), &sys::local_name(name)?)?;
        Ok(())
    }
}

fn socket() -> io::Result<OwnedFd> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::DGRAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    Ok(socket)
}

impl AsFd for NoteBox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
