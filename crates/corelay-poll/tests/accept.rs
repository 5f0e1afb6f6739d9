//! Accepted sockets are ready for a poller: non-blocking, closed on exec, their peer known.

use corelay_poll::socket::accept;
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{FdFlags, fcntl_getfd};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};

fn assert_ready_for_a_poller(socket: &OwnedFd) -> io::Result<()> {
    assert!(fcntl_getfl(socket)?.contains(OFlags::NONBLOCK));
    assert!(fcntl_getfd(socket)?.contains(FdFlags::CLOEXEC));
    Ok(())
}

#[test]
fn tcp_peers_have_an_address() -> io::Result<()> {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(address)?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        let (socket, peer) = accept(&listener)?;
        assert_eq!(peer, Some(client.local_addr()?));
        assert_ready_for_a_poller(&socket)?;
    }
    Ok(())
}

#[test]
fn unix_peers_have_none() -> io::Result<()> {
    let path = std::env::temp_dir().join(format!("corelay-poll-accept-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path)?;
    let client = UnixStream::connect(&path);
    std::fs::remove_file(&path)?;
    let _client = client?;
    let (socket, peer) = accept(&listener)?;
    assert_eq!(peer, None);
    assert_ready_for_a_poller(&socket)
}

#[test]
fn an_empty_backlog_would_block() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    assert_eq!(accept(&listener).map(drop).map_err(|error| error.kind()), Err(io::ErrorKind::WouldBlock));
    Ok(())
}
