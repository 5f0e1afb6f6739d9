//! What can go wrong before and around serving. What goes wrong with a peer is a status code and a counter, not one of these.

use crate::config::Address;
use crate::http::RouteError;
use std::fmt;
use std::io;

/// An error of [`Server`](crate::Server).
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The text is no address to listen on.
    Address {
        /// What was given.
        given: String,
    },
    /// The address could not be bound: most often another server has it.
    Bind {
        /// The address.
        address: Address,
        /// What the kernel said.
        source: io::Error,
    },
    /// A socket that was given to listen on is none that this can be done on.
    Socket {
        /// What is wrong with it.
        source: io::Error,
    },
    /// No address was given to listen on.
    NoListener,
    /// The routes contradict each other, or need a state nobody gave.
    Routes(RouteError),
    /// More cores than there are, or a processor this process may not use.
    Cores {
        /// What was asked for and what there is.
        reason: String,
    },
    /// A thread could not be started.
    Thread {
        /// Its name.
        name: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A poller, waker or signal handle could not be made.
    Poll(io::Error),
    /// The process that this one was to replace could not hand over.
    Upgrade {
        /// What went wrong.
        reason: String,
    },
    /// The server was told to stop and some connections did not finish in time, or it was told twice.
    CutOff {
        /// How many connections were cut off.
        connections: usize,
    },
}

/// A result of [`Server`](crate::Server).
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { given } => {
                write!(
                    f,
                    "'{given}' is no address to listen on: expected IP:PORT, [IPv6]:PORT, NAME:PORT or unix:PATH"
                )
            }
            Self::Bind { address, source } if source.kind() == io::ErrorKind::AddrInUse => {
                write!(f, "cannot listen on {address}: the address is in use by another server")
            }
            Self::Bind { address, source } => write!(f, "cannot listen on {address}: {source}"),
            Self::Socket { source } => write!(f, "cannot listen on the socket that was given: {source}"),
            Self::NoListener => write!(f, "no address to listen on: call Server::listen first"),
            Self::Routes(error) => write!(f, "the routes cannot be served: {error}"),
            Self::Cores { reason } => write!(f, "{reason}"),
            Self::Thread { name, source } => write!(f, "cannot start thread '{name}': {source}"),
            Self::Poll(source) => write!(f, "cannot set up a poller: {source}"),
            Self::Upgrade { reason } => {
                write!(f, "cannot take over from the process before this one: {reason}")
            }
            Self::CutOff { connections } => write!(f, "stopped with {connections} connections cut off"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind { source, .. }
            | Self::Thread { source, .. }
            | Self::Socket { source }
            | Self::Poll(source) => Some(source),
            Self::Routes(error) => Some(error),
            Self::Address { .. }
            | Self::NoListener
            | Self::Cores { .. }
            | Self::Upgrade { .. }
            | Self::CutOff { .. } => None,
        }
    }
}

impl From<RouteError> for Error {
    fn from(error: RouteError) -> Self {
        Self::Routes(error)
    }
}
