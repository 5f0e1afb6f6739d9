//! One connection's socket: opened without waiting, written without waiting, deleted from the poller before it closes.

use corelay_poll::{Interest, Poller, Token, Trigger, socket};
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, TcpStream};

/// A socket on its way to the server, or connected.
///
/// Interest is in writing until it is connected, then in reading; in both only while a request did not fit at once.
#[derive(Debug)]
pub(crate) struct Link {
    stream: TcpStream,
    token: Token,
    is_open: bool,
    /// What the socket did not take yet.
    unsent: Vec<u8>,
    interest: Interest,
}

impl Link {
    /// Begins to connect; readiness for writing under `token` tells that it is over.
    ///
    /// # Errors
    ///
    /// No descriptor or port is left, or the kernel knows at once that nobody listens.
    pub(crate) fn open(
        address: SocketAddr,
        source: Option<IpAddr>,
        token: Token,
        poller: &Poller,
    ) -> io::Result<Self> {
        let socket = unconnected(address, source)?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address.into()) {
            Err(error) if Errno::from_io_error(&error) != Some(Errno::INPROGRESS) => return Err(error),
            _ => {}
        }
        let interest = Interest::WRITE;
        poller.add(&socket, token, interest, Trigger::Level)?;
        Ok(Self { stream: socket.into(), token, is_open: false, unsent: Vec::new(), interest })
    }

    /// Takes over a connection that another opened.
    ///
    /// # Errors
    ///
    /// This machine has no memory for one more in the poller.
    pub(crate) fn adopt(stream: TcpStream, token: Token, poller: &Poller) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let interest = Interest::READ;
        poller.add(&stream, token, interest, Trigger::Level)?;
        Ok(Self { stream, token, is_open: true, unsent: Vec::new(), interest })
    }

    /// Whether it is connected.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// What the poller calls it.
    pub(crate) fn token(&self) -> Token {
        self.token
    }

    /// Takes the outcome of connecting.
    ///
    /// # Errors
    ///
    /// Why it could not connect.
    pub(crate) fn finish_opening(&mut self, poller: &Poller) -> io::Result<()> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        self.is_open = true;
        self.set_interest(Interest::READ, poller)
    }

    /// Sends `bytes`, as far as the socket takes them; the rest waits for [`send_on`](Self::send_on).
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub(crate) fn send(&mut self, bytes: &[u8], poller: &Poller) -> io::Result<()> {
        let taken = if self.unsent.is_empty() { offer(&self.stream, bytes)? } else { 0 };
        if taken == bytes.len() {
            return Ok(());
        }
        self.unsent.extend_from_slice(&bytes[taken..]);
        self.set_interest(Interest::BOTH, poller)
    }

    /// Sends on where the socket was full; nothing is done if all is sent.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub(crate) fn send_on(&mut self, poller: &Poller) -> io::Result<()> {
        let taken = offer(&self.stream, &self.unsent)?;
        self.unsent.drain(..taken);
        if self.unsent.is_empty() { self.set_interest(Interest::READ, poller) } else { Ok(()) }
    }

    /// Receives what is there; 0 is the end, `None` that nothing is.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.stream.read(buffer) {
            Ok(count) => Ok(Some(count)),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Leaves the poller, then closes.
    pub(crate) fn close(self, poller: &Poller) -> io::Result<()> {
        poller.delete(&self.stream)
    }

    fn set_interest(&mut self, interest: Interest, poller: &Poller) -> io::Result<()> {
        if self.interest == interest {
            return Ok(());
        }
        self.interest = interest;
        poller.modify(&self.stream, self.token, interest, Trigger::Level)
    }
}

/// How many of `bytes` the socket takes.
fn offer(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut taken = 0;
    while taken < bytes.len() {
        match socket::send(stream, &bytes[taken..]) {
            Ok(count) => taken += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}

/// A socket that is not connected, from that address if one is given.
pub(crate) fn unconnected(address: SocketAddr, source: Option<IpAddr>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if let Some(source) = source {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    socket.set_tcp_nodelay(true)?;
    Ok(socket)
}
