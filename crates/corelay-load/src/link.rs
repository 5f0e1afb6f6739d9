//! One connection's socket: opened without waiting, written without waiting, deleted from the poller before it closes.

use corelay_poll::{Interest, Poller, Token, Trigger, socket};
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};
use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};

/// A socket on its way to the server, or connected.
///
/// Interest is in writing until it is connected, then in reading; in both only while a request did not fit at once.
#[derive(Debug)]
pub(crate) struct Link {
    stream: TcpStream,
    token: Token,
    is_open: bool,
    /// Bytes of the current request that are sent; `None` between requests.
    sent: Option<usize>,
    interest: Interest,
}

impl Link {
    /// Begins to connect; readiness for writing under `token` tells that it is over.
    ///
    /// # Errors
    ///
    /// No descriptor or port is left, or the kernel knows at once that nobody listens.
    pub(crate) fn open(address: SocketAddr, token: Token, poller: &Poller) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        match socket.connect(&address.into()) {
            Err(error) if Errno::from_io_error(&error) != Some(Errno::INPROGRESS) => return Err(error),
            _ => {}
        }
        let interest = Interest::WRITE;
        poller.add(&socket, token, interest, Trigger::Level)?;
        Ok(Self { stream: socket.into(), token, is_open: false, sent: None, interest })
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
        Ok(Self { stream, token, is_open: true, sent: None, interest })
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

    /// Sends `request` from its beginning, as far as the socket takes it.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub(crate) fn send(&mut self, request: &[u8], poller: &Poller) -> io::Result<()> {
        self.sent = Some(0);
        self.send_on(request, poller)
    }

    /// Sends on where the socket was full; nothing is done if all is sent.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub(crate) fn send_on(&mut self, request: &[u8], poller: &Poller) -> io::Result<()> {
        while let Some(rest) = self.sent.and_then(|sent| request.get(sent..)).filter(|rest| !rest.is_empty())
        {
            match socket::send(&self.stream, rest) {
                Ok(count) => self.sent = self.sent.map(|sent| sent + count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return self.set_interest(Interest::BOTH, poller);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.sent = None;
        self.set_interest(Interest::READ, poller)
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
