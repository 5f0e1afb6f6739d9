//! Listening sockets: bound so that a second server fails, `SO_REUSEPORT` or not.
//!
//! `SO_REUSEPORT` alone lets any server of the same user join the group unnoticed. So the first socket of an address
//! is bound and set listening without it, which fails while anybody else listens there, and only then opened for its
//! siblings, one per core (Linux looks at the option of the sockets that are there when a new one binds:
//! `inet_csk_bind_conflict`). Another server's first socket then fails in turn.

use crate::config::{Address, SocketOptions};
use crate::error::{Error, Result};
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The listening sockets of one address.
pub(crate) struct Listener {
    /// The address with its real port.
    address: Address,
    socket: Option<OwnedFd>,
    /// Removed when the server ends.
    path: Option<PathBuf>,
}

impl Listener {
    /// Listens on `address`. Fails if any server does.
    pub(crate) fn bind(address: &Address, options: &SocketOptions) -> Result<Self> {
        let failed = |source| Error::Bind { address: address.clone(), source };
        match address {
            Address::Tcp(tcp) => {
                let socket = bind_tcp(&(*tcp).into(), options, false).map_err(failed)?;
                let local = socket.local_addr().map_err(failed)?;
                let address = local.as_socket().map_or_else(|| address.clone(), Address::Tcp);
                Ok(Self { address, socket: Some(socket.into()), path: None })
            }
            Address::Unix(path) => {
                let socket = bind_unix(path, options).map_err(failed)?;
                Ok(Self { address: address.clone(), socket: Some(socket.into()), path: Some(path.clone()) })
            }
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The sockets for `count` threads, each to be owned by its own. `true`: they are one socket, shared.
    pub(crate) fn sockets(&mut self, count: usize, options: &SocketOptions) -> Result<(Vec<OwnedFd>, bool)> {
        let failed = |source| Error::Bind { address: self.address.clone(), source };
        let first = self.socket.take().ok_or_else(|| failed(io::ErrorKind::NotConnected.into()))?;
        let mut sockets = vec![first];
        let own = match self.address {
            Address::Tcp(tcp)
                if count > 1 && corelay_poll::socket::share_port(&sockets[0]).map_err(failed)? =>
            {
                Some(SockAddr::from(tcp))
            }
            _ => None,
        };
        while sockets.len() < count {
            sockets.push(match &own {
                Some(address) => bind_tcp(address, options, true).map_err(failed)?.into(),
                None => sockets[0].try_clone().map_err(failed)?,
            });
        }
        Ok((sockets, own.is_none() && count > 1))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

fn bind_tcp(address: &SockAddr, options: &SocketOptions, sibling: bool) -> io::Result<Socket> {
    let socket = Socket::new(address.domain(), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit these on Linux and the BSDs: no system call per connection.
    socket.set_tcp_nodelay(true)?;
    if options.abortive_close {
        socket.set_linger(Some(Duration::ZERO))?;
    }
    if let Some(wait) = options.defer_accept {
        corelay_poll::socket::set_defer_accept(&socket, wait)?;
    }
    if sibling {
        corelay_poll::socket::share_port(&socket)?;
    }
    socket.bind(address)?;
    socket.listen(backlog(options))?;
    Ok(socket)
}

/// A path that a dead server left behind is bound anew; one that a live server listens on is not.
fn bind_unix(path: &Path, options: &SocketOptions) -> io::Result<Socket> {
    let address = SockAddr::unix(path)?;
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        match probe.connect(&address) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
            _ => return Err(io::ErrorKind::AddrInUse.into()),
        }
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address)?;
    socket.listen(backlog(options))?;
    Ok(socket)
}

fn backlog(options: &SocketOptions) -> i32 {
    i32::try_from(options.backlog).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_fails_even_on_a_spread_address() {
        let options = SocketOptions::default();
        let any: Address = "127.0.0.1:0".parse().expect("an address");
        let mut first = Listener::bind(&any, &options).expect("a free port");
        let (sockets, _) = first.sockets(2, &options).expect("a sibling");
        assert_eq!(sockets.len(), 2);
        let second = Listener::bind(first.address(), &options);
        assert!(
            matches!(second, Err(Error::Bind { source, .. }) if source.kind() == io::ErrorKind::AddrInUse)
        );
    }

    #[test]
    fn a_path_left_behind_is_taken_over_and_a_live_one_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let address = Address::Unix(directory.path().join("socket"));
        let options = SocketOptions::default();
        let mut first = Listener::bind(&address, &options).expect("a free path");
        assert!(Listener::bind(&address, &options).is_err());
        first.path = None; // as a killed server would: the path stays
        drop(first);
        Listener::bind(&address, &options).expect("nobody listens there any more");
    }
}
