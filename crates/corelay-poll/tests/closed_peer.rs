//! A peer that goes away makes the handle ready, and the event says how it went.

mod support;

use corelay_poll::{Interest, Poller, Trigger};
use std::io::{self, Read, Write, pipe};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Instant;
use support::{PATIENCE, TOKEN, found, silent};

fn tcp_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    Ok((client, listener.accept()?.0))
}

/// The client that sends its request and shuts its writing side expects an answer.
#[test]
fn a_half_close_ends_reading_and_not_writing() -> io::Result<()> {
    let (mut client, mut server) = tcp_pair()?;
    client.write_all(b"request")?;
    client.shutdown(Shutdown::Write)?;
    let poller = Poller::new()?;
    poller.add(&server, TOKEN, Interest::READ, Trigger::Level)?;

    // The bytes and the end may come apart, and unread bytes are reported at once.
    let deadline = Instant::now() + PATIENCE;
    let event = loop {
        let event = found(&poller)?[0];
        if event.is_read_closed() {
            break event;
        }
        assert!(Instant::now() < deadline, "the end is not reported: {event:?}");
    };
    assert!(event.is_readable() && !event.is_closed() && !event.is_error());
    let mut request = String::new();
    server.read_to_string(&mut request)?;
    assert_eq!(request, "request", "the bytes before the end are not lost");
    server.write_all(b"answer")?;
    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    assert_eq!(answer, "answer");
    Ok(())
}

/// A server that has stopped reading must not be woken again and again by the end of what it does not read.
#[test]
fn a_half_close_is_silent_without_interest_in_reading() -> io::Result<()> {
    let (client, server) = tcp_pair()?;
    let poller = Poller::new()?;
    poller.add(&server, TOKEN, Interest::READ, Trigger::Level)?;
    client.shutdown(Shutdown::Write)?;
    assert!(found(&poller)?[0].is_read_closed());
    poller.modify(&server, TOKEN, Interest::NONE, Trigger::Level)?;
    assert!(silent(&poller)?);
    Ok(())
}

#[test]
fn a_reset_is_an_error_that_a_reader_hears() -> io::Result<()> {
    let (mut client, server) = tcp_pair()?;
    let poller = Poller::new()?;
    poller.add(&client, TOKEN, Interest::READ, Trigger::Level)?;
    client.write_all(b"unread")?;
    while server.peek(&mut [0; 6])? < 6 {}
    drop(server); // closed with bytes unread: TCP answers with a reset (RFC 2525, 2.17)

    let event = found(&poller)?[0];
    assert!(event.is_readable() && event.is_read_closed() && event.is_closed() && event.is_error());
    assert_eq!(client.read(&mut [0]).map_err(|error| error.kind()), Err(io::ErrorKind::ConnectionReset));
    Ok(())
}

/// A full pipe without a reader reports an error and no room; a writer must hear of it all the same.
#[test]
fn a_writer_hears_that_its_reader_is_gone_full_or_not() -> io::Result<()> {
    for full in [false, true] {
        let (reader, mut writer) = pipe()?;
        let poller = Poller::new()?;
        if full {
            rustix::io::ioctl_fionbio(&writer, true)?;
            while writer.write(&[0; 4096]).is_ok() {}
        }
        poller.add(&writer, TOKEN, Interest::WRITE, Trigger::Level)?;
        assert_eq!(silent(&poller)?, full);
        drop(reader);
        assert!(found(&poller)?[0].is_writable(), "full: {full}");
        assert_eq!(writer.write(&[0]).map_err(|error| error.kind()), Err(io::ErrorKind::BrokenPipe));
    }
    Ok(())
}

#[test]
fn a_reader_hears_that_its_writer_is_gone() -> io::Result<()> {
    let (reader, writer) = pipe()?;
    let poller = Poller::new()?;
    poller.add(&reader, TOKEN, Interest::READ, Trigger::Level)?;
    assert!(silent(&poller)?);
    drop(writer);
    let event = found(&poller)?[0];
    assert!(event.is_readable() && event.is_read_closed());
    Ok(())
}
