//! Open files sent from process to process over a Unix-domain socket (`SCM_RIGHTS`, unix(7)).

use crate::sys;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, SendAncillaryBuffer, SendAncillaryMessage, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Descriptors that go with one call. Kernels take some more: Linux 253 (`SCM_MAX_FD`), FreeBSD and macOS some hundred.
pub const DESCRIPTORS_MAX: usize = 64;

/// Sends what the socket takes of `bytes`, of which there must be some, and duplicates of `descriptors` with the first
/// of them.
///
/// ```
/// use corelay_poll::socket::{receive_with_descriptors, send_with_descriptors};
/// use std::io::{Read, Write};
/// use std::os::fd::AsFd;
/// use std::os::unix::net::UnixStream;
///
/// let (ours, theirs) = UnixStream::pair()?;
/// let (mut near, far) = UnixStream::pair()?;
/// send_with_descriptors(&ours, b"here", &[far.as_fd()])?;
///
/// let (mut bytes, mut descriptors) = ([0; 16], Vec::new());
/// assert_eq!(receive_with_descriptors(&theirs, &mut bytes, &mut descriptors)?, 4);
/// let mut received = UnixStream::from(descriptors.remove(0));
/// received.write_all(b"the same stream")?;
/// near.read_exact(&mut [0; 15])?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// `InvalidInput` for more than [`DESCRIPTORS_MAX`]; what sendmsg(2) reports: `ETOOMANYREFS` where more descriptors of
/// this user are under way than one process may have open.
pub fn send_with_descriptors(
    socket: impl AsFd,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if descriptors.len() > DESCRIPTORS_MAX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(sendmsg(socket, &[IoSlice::new(bytes)], &mut ancillary, sys::SEND_FLAGS)?)
}

/// Receives at least a byte, or 0 at the end of input, and appends the descriptors that came with it: closed on exec.
///
/// Where this process may open no more files, the last of them are missing.
///
/// # Errors
///
/// What recvmsg(2) reports.
pub fn receive_with_descriptors(
    socket: impl AsFd,
    bytes: &mut [u8],
    descriptors: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let pieces = &mut [IoSliceMut::new(bytes)];
    let received = recvmsg(socket, pieces, &mut ancillary, sys::RECEIVE_DESCRIPTORS_FLAGS)?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            for descriptor in received {
                sys::close_on_exec(&descriptor)?;
                descriptors.push(descriptor);
            }
        }
    }
    Ok(received.bytes)
}
