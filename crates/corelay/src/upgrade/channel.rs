//! The socket between the two processes: messages with bytes and descriptors beside them.
//!
//! ```text
//!   0            4                    8                   12
//!   │ descriptors │ length of the JSON │ length of the bytes │ the JSON │ the bytes │
//! ```
//!
//! Numbers are little-endian. Descriptors go with the first byte. The socket blocks, with a timeout: nobody waits for the other
//! side without a limit.

use super::message::Message;
use corelay_poll::socket::{DESCRIPTORS_MAX, receive_with_descriptors, send_with_descriptors};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

const HEADER_BYTES: usize = 12;
/// Of the JSON, and of the bytes, of one message. Connections that move are few at a time, and each has a limit.
const PART_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(super) struct Channel {
    socket: UnixStream,
    /// Received, and of a message that is not read yet.
    descriptors: VecDeque<OwnedFd>,
}

/// A message, and what came beside it.
pub(super) struct Received {
    pub(super) message: Message,
    pub(super) bytes: Vec<u8>,
    /// Fewer than were sent, the last ones missing, where this process may open no more.
    pub(super) descriptors: Vec<OwnedFd>,
}

impl Channel {
    /// Speaks over `socket`; the other side may take `timeout` for each part of a message, if there is one.
    pub(super) fn new(socket: UnixStream, timeout: Option<Duration>) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        let timeout = timeout.map(|timeout| timeout.max(Duration::from_millis(1)));
        socket.set_read_timeout(timeout)?;
        socket.set_write_timeout(timeout)?;
        Ok(Self { socket, descriptors: VecDeque::new() })
    }

    pub(super) fn say(&self, message: &Message) -> io::Result<()> {
        self.send(message, &[], &[])
    }

    /// Sends a message, and beside it at most [`DESCRIPTORS_MAX`] descriptors, and bytes.
    pub(super) fn send(
        &self,
        message: &Message,
        descriptors: &[BorrowedFd<'_>],
        bytes: &[&[u8]],
    ) -> io::Result<()> {
        let json = serde_json::to_vec(message)?;
        let beside = bytes.iter().map(|piece| piece.len()).sum();
        let mut frame = Vec::with_capacity(HEADER_BYTES + json.len() + beside);
        for number in [descriptors.len(), json.len(), beside] {
            frame.extend_from_slice(&u32::try_from(number).map_err(io::Error::other)?.to_le_bytes());
        }
        frame.extend_from_slice(&json);
        bytes.iter().for_each(|piece| frame.extend_from_slice(piece));
        let mut at = retry(|| send_with_descriptors(&self.socket, &frame, descriptors))?;
        while at < frame.len() {
            at += retry(|| send_with_descriptors(&self.socket, &frame[at..], &[]))?;
        }
        Ok(())
    }

    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// `TimedOut` if nothing comes, or not all of it; `InvalidData` for what is no message.
    pub(super) fn receive(&mut self) -> io::Result<Option<Received>> {
        let mut header = [0; HEADER_BYTES];
        if !self.fill(&mut header)? {
            return Ok(None);
        }
        let number = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize
        };
        let (descriptors, json_bytes, beside) = (number(0), number(4), number(8));
        if descriptors > DESCRIPTORS_MAX || json_bytes > PART_BYTES_MAX || beside > PART_BYTES_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        let (mut json, mut bytes) = (vec![0; json_bytes], vec![0; beside]);
        if !self.fill(&mut json)? || !self.fill(&mut bytes)? {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let here = descriptors.min(self.descriptors.len());
        let descriptors = self.descriptors.drain(..here).collect();
        Ok(Some(Received { message: serde_json::from_slice(&json)?, bytes, descriptors }))
    }

    /// `false`: it ended before the first byte.
    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<bool> {
        let mut at = 0;
        while at < bytes.len() {
            let mut descriptors = Vec::new();
            let received =
                retry(|| receive_with_descriptors(&self.socket, &mut bytes[at..], &mut descriptors));
            self.descriptors.extend(descriptors);
            match received {
                Ok(0) if at == 0 => return Ok(false),
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => at += count,
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A timeout of the socket is told as `WouldBlock` (socket(7)).
fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(ErrorKind::TimedOut.into()),
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;
    use std::io::Write;

    fn pair() -> (Channel, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Channel::new(ours, Some(Duration::from_secs(20))).unwrap(), theirs)
    }

    #[test]
    fn messages_come_whole_with_what_goes_beside_them() {
        let (near, far) = pair();
        let mut far = Channel::new(far, None).unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        let writing = std::thread::spawn(move || {
            near.say(&Message::Go).unwrap();
            let large = vec![7; 1_000_000];
            near.send(&Message::Listening, &[file.as_fd(); 3], &[b"ab", &large]).unwrap();
        });
        let first = far.receive().unwrap().unwrap();
        assert!(matches!(first.message, Message::Go) && first.descriptors.is_empty());
        let second = far.receive().unwrap().unwrap();
        assert!(matches!(second.message, Message::Listening));
        assert_eq!((second.descriptors.len(), second.bytes.len()), (3, 1_000_002));
        writing.join().unwrap();
        assert!(far.receive().unwrap().is_none(), "the end");
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for (bytes, kind) in [
            (&[255; 12][..], ErrorKind::InvalidData),
            (&[0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, b'{'], ErrorKind::UnexpectedEof),
            (&[0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, b'{', b'x'], ErrorKind::InvalidData),
            (&[1, 2, 3], ErrorKind::UnexpectedEof),
        ] {
            let (mut near, mut far) = pair();
            far.write_all(bytes).unwrap();
            drop(far);
            assert_eq!(near.receive().err().map(|error| error.kind()), Some(kind), "{bytes:?}");
        }
    }

    #[test]
    fn nobody_is_waited_for_without_a_limit() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let mut near = Channel::new(ours, Some(Duration::ZERO)).unwrap();
        assert_eq!(near.receive().err().map(|error| error.kind()), Some(ErrorKind::TimedOut));
        let large = vec![0; 10_000_000];
        let sent = near.send(&Message::Go, &[], &[&large]);
        assert_eq!(sent.err().map(|error| error.kind()), Some(ErrorKind::TimedOut));
    }
}
