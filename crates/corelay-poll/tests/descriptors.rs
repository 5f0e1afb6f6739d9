//! Descriptors that are sent to another process: they come with the bytes they were sent with, closed on exec.

use corelay_poll::socket::{DESCRIPTORS_MAX, receive_with_descriptors, send_with_descriptors};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

#[test]
fn they_come_in_order_with_the_bytes_they_were_sent_with() -> io::Result<()> {
    let (ours, theirs) = UnixStream::pair()?;
    let file = File::open("/dev/null")?;
    let many = vec![file.as_fd(); DESCRIPTORS_MAX];
    assert_eq!(send_with_descriptors(&ours, b"none", &[])?, 4);
    assert_eq!(send_with_descriptors(&ours, b"many", &many)?, 4);
    assert_eq!(send_with_descriptors(&ours, b"one", &many[..1])?, 3);
    drop(ours);
    let (mut bytes, mut descriptors) = ([0; 4], Vec::new());
    let mut found = Vec::new();
    loop {
        let count = receive_with_descriptors(&theirs, &mut bytes, &mut descriptors)?;
        if count == 0 {
            break;
        }
        found.push((bytes[..count].to_vec(), descriptors.len()));
        for descriptor in descriptors.drain(..) {
            let flags = rustix::io::fcntl_getfd(&descriptor)?;
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        }
    }
    assert_eq!(found, [(b"none".to_vec(), 0), (b"many".to_vec(), DESCRIPTORS_MAX), (b"one".to_vec(), 1)]);
    Ok(())
}

#[test]
fn more_than_go_with_one_call_are_refused() -> io::Result<()> {
    let (ours, _theirs) = UnixStream::pair()?;
    let many: Vec<BorrowedFd<'_>> = vec![ours.as_fd(); DESCRIPTORS_MAX + 1];
    let error = send_with_descriptors(&ours, b"!", &many).expect_err("too many");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    Ok(())
}
