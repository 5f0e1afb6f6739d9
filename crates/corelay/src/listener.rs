//! Listening sockets: bound so that a second server fails, `SO_REUSEPORT` or not.
//!
//! `SO_REUSEPORT` alone lets any server of the same user join the group unnoticed. So the first socket of an address
//! is bound and set listening without it, which fails while anybody else listens there, and only then opened for its
//! siblings, one per core (Linux looks at the option of the sockets that are there when a new one binds:
//! `inet_csk_bind_conflict`). Another server's first socket then fails in turn.
//!
//! A listener may also be given from outside, bound, or come from the process that this one replaces. All sockets of such a one
//! are served, however few threads there are: the kernel goes on spreading connections over all of them.

use crate::config::{Address, SocketOptions};
use crate::error::{Error, Result};
use crate::upgrade::{Listened, Passed, Predecessor};
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The listening sockets of one address.
pub(crate) struct Listener {
    /// As it was asked for.
    configured: Address,
    /// The address with its real port.
    address: Address,
    /// Before threads have got theirs: one, or as many as the process before this one had.
    sockets: Vec<OwnedFd>,
    /// After that: the same again, for the process after this one.
    kept: Vec<OwnedFd>,
    /// Each connection begins with a PROXY protocol header.
    proxied: bool,
    /// Bound by somebody else, and not ours to remove.
    given: bool,
    /// Its number in the process before this one, which still has the sockets.
    number: Option<usize>,
    /// Removed when the server ends.
    path: Option<PathBuf>,
    /// Unless that is for another process to do, which listens there too.
    is_anothers: Arc<AtomicBool>,
}

impl Listener {
    /// Listens on `address`, for proxies or for all. Fails if any server does.
    pub(crate) fn bind(address: &Address, proxied: bool, options: &SocketOptions) -> Result<Self> {
        let failed = |source| Error::Bind { address: address.clone(), source };
        match address {
            Address::Tcp(tcp) => {
                let socket = bind_tcp(&(*tcp).into(), options, false).map_err(failed)?;
                let local = socket.local_addr().map_err(failed)?;
                let real = local.as_socket().map_or_else(|| address.clone(), Address::Tcp);
                Ok(Self::of(address.clone(), real, proxied, vec![socket.into()]))
            }
            Address::Unix(path) => {
                let socket = bind_unix(path, options).map_err(failed)?;
                let mut listener = Self::of(address.clone(), address.clone(), proxied, vec![socket.into()]);
                listener.path = Some(path.clone());
                Ok(listener)
            }
        }
    }

    fn of(configured: Address, address: Address, proxied: bool, sockets: Vec<OwnedFd>) -> Self {
        let (kept, number, is_anothers) = (Vec::new(), None, Arc::default());
        Self { configured, address, sockets, kept, proxied, given: false, number, path: None, is_anothers }
    }

    /// A socket that listens already.
    pub(crate) fn given(socket: OwnedFd, options: &SocketOptions) -> Result<Self> {
        let socket = Socket::from(socket);
        let address = given_address(&socket, options).map_err(|source| Error::Socket { source })?;
        let mut listener = Self::of(address.clone(), address, false, vec![socket.into()]);
        listener.given = true;
        Ok(listener)
    }

    /// The listener with this number of the process that this one replaces. Its sockets come [later](Self::inherit).
    pub(crate) fn of_predecessor(number: usize, listened: &Listened) -> Result<Self> {
        let (configured, address) = (listened.configured.parse()?, listened.address.parse()?);
        let mut listener = Self::of(configured, address, listened.proxied, Vec::new());
        (listener.number, listener.given) = (Some(number), listened.given);
        if let Address::Unix(path) = &listener.address
            && !listener.given
        {
            listener.path = Some(path.clone());
            listener.is_anothers.store(true, Ordering::Relaxed);
        }
        Ok(listener)
    }

    /// Takes its sockets out of what the process before this one has sent.
    pub(crate) fn inherit(&mut self, predecessor: &Predecessor, options: &SocketOptions) {
        let Some(number) = self.number else { return };
        self.sockets = predecessor.sockets_of(number);
        predecessor.share(self.is_anothers.clone());
        for socket in &self.sockets {
            // These may have other settings by now.
            let _ = rustix::net::listen(socket, backlog(options));
            if matches!(self.address, Address::Tcp(_)) {
                let _ = set_for_accepted(socket, options);
            }
        }
    }

    /// What the process after this one can have of it.
    pub(crate) fn passed(&mut self, follows: bool) -> Passed {
        Passed {
            configured: self.configured.to_string(),
            address: self.address.to_string(),
            proxied: self.proxied,
            given: self.given,
            follows,
            sockets: std::mem::take(&mut self.kept),
            is_anothers: self.is_anothers.clone(),
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn is_proxied(&self) -> bool {
        self.proxied
    }

    /// The sockets for `count` threads, each to be owned by its own. `true`: they are one socket, shared.
    pub(crate) fn sockets(&mut self, count: usize, options: &SocketOptions) -> Result<(Vec<OwnedFd>, bool)> {
        let failed = |source| Error::Bind { address: self.address.clone(), source };
        let mut sockets = std::mem::take(&mut self.sockets);
        let first = sockets.first().ok_or_else(|| failed(io::ErrorKind::NotConnected.into()))?;
        let own = match self.address {
            // Whoever has bound a given one may be allowed to bind what we are not.
            Address::Tcp(tcp)
                if !self.given && count > 1 && corelay_poll::socket::share_port(first).map_err(failed)? =>
            {
                Some(SockAddr::from(tcp))
            }
            _ => None,
        };
        if let Some(address) = &own {
            while sockets.len() < count {
                sockets.push(bind_tcp(address, options, true).map_err(failed)?.into());
            }
        }
        self.kept = sockets.iter().map(OwnedFd::try_clone).collect::<io::Result<_>>().map_err(failed)?;
        let shared = sockets.len() < count;
        while sockets.len() < count {
            sockets.push(sockets[0].try_clone().map_err(failed)?);
        }
        Ok((sockets, shared))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && !self.is_anothers.load(Ordering::Relaxed)
        {
            let _ = fs::remove_file(path);
        }
    }
}

/// Where a socket listens that somebody else has bound.
fn given_address(socket: &Socket, options: &SocketOptions) -> io::Result<Address> {
    if socket.r#type()? != Type::STREAM {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no stream socket"));
    }
    // A socket that listens already goes on; whether it does cannot be asked on macOS. The kernel cuts the backlog to its limit.
    if socket.listen(i32::from(u16::MAX)).is_err() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it cannot listen"));
    }
    socket.set_nonblocking(true)?;
    let local = socket.local_addr()?;
    if let Some(address) = local.as_socket() {
        set_for_accepted(socket, options)?;
        return Ok(Address::Tcp(address));
    }
    let path = local.as_pathname().map(Path::to_owned);
    Ok(Address::Unix(path.unwrap_or_else(|| PathBuf::from("(unnamed)"))))
}

fn bind_tcp(address: &SockAddr, options: &SocketOptions, sibling: bool) -> io::Result<Socket> {
    let socket = Socket::new(address.domain(), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    set_for_accepted(&socket, options)?;
    // Inherited too, and not set where others have bound.
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

/// What accepted sockets inherit on Linux and the BSDs: no system call per connection.
fn set_for_accepted(socket: impl AsFd, options: &SocketOptions) -> io::Result<()> {
    rustix::net::sockopt::set_tcp_nodelay(&socket, true)?;
    corelay_poll::socket::set_notsent_lowat(socket, options.notsent_lowat)
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
        let mut first = Listener::bind(&any, false, &options).expect("a free port");
        let (sockets, _) = first.sockets(2, &options).expect("a sibling");
        assert_eq!(sockets.len(), 2);
        let second = Listener::bind(first.address(), false, &options);
        assert!(
            matches!(second, Err(Error::Bind { source, .. }) if source.kind() == io::ErrorKind::AddrInUse)
        );
    }

    #[test]
    fn a_path_left_behind_is_taken_over_and_a_live_one_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let address = Address::Unix(directory.path().join("socket"));
        let options = SocketOptions::default();
        let mut first = Listener::bind(&address, false, &options).expect("a free path");
        assert!(Listener::bind(&address, false, &options).is_err());
        first.path = None; // as a killed server would: the path stays
        drop(first);
        Listener::bind(&address, false, &options).expect("nobody listens there any more");
    }
}
