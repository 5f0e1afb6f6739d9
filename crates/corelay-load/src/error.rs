//! What a plan can have wrong, and what can go wrong with a request.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;

/// Why a run could not begin or go on. A server that fails is no error of the run: its requests count as
/// [`ErrorKind`]s and the run goes on to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The plan cannot be carried out; the text says what to change.
    Plan(String),
    /// A group's connections could not all be placed on one thread of the server; the text says why.
    Placement(String),
    /// The driver's own machine refused it something: descriptors, a timer.
    System(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan(why) => write!(out, "the plan cannot be carried out: {why}"),
            Self::Placement(why) => write!(out, "the connections cannot be placed on one thread: {why}"),
            Self::System(error) => write!(out, "the load driver's own machine failed it: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// How a request failed. Each failed request counts once, under the first thing that went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No connection could be opened for it.
    Connect,
    /// The connection ended, orderly or not, before the answer was whole.
    Reset,
    /// No whole answer within [`Plan::timeout`](crate::Plan::timeout) of the attempt.
    Timeout,
    /// A whole answer with a status other than 2xx.
    BadStatus,
    /// A whole answer to a call ([`Request::call`](crate::Request::call)) that is an error, or nothing of the Connect protocol.
    Rpc,
    /// Bytes that are no HTTP/1.1 answer, or more of them than one answer (RFC 9112 section 6).
    BadFraming,
    /// The run, drain included, ended first.
    Unanswered,
}

/// How many requests failed, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorCounts {
    /// [`ErrorKind::Connect`].
    pub connect: u64,
    /// [`ErrorKind::Reset`].
    pub reset: u64,
    /// [`ErrorKind::Timeout`].
    pub timeout: u64,
    /// [`ErrorKind::BadStatus`].
    pub bad_status: u64,
    /// [`ErrorKind::Rpc`].
    #[serde(default)]
    pub rpc: u64,
    /// [`ErrorKind::BadFraming`].
    pub bad_framing: u64,
    /// [`ErrorKind::Unanswered`].
    pub unanswered: u64,
}

impl ErrorCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        let Self { connect, reset, timeout, bad_status, rpc, bad_framing, unanswered } = self;
        connect + reset + timeout + bad_status + rpc + bad_framing + unanswered
    }

    pub(crate) fn count(&mut self, kind: ErrorKind) {
        *match kind {
            ErrorKind::Connect => &mut self.connect,
            ErrorKind::Reset => &mut self.reset,
            ErrorKind::Timeout => &mut self.timeout,
            ErrorKind::BadStatus => &mut self.bad_status,
            ErrorKind::Rpc => &mut self.rpc,
            ErrorKind::BadFraming => &mut self.bad_framing,
            ErrorKind::Unanswered => &mut self.unanswered,
        } += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.connect += other.connect;
        self.reset += other.reset;
        self.timeout += other.timeout;
        self.bad_status += other.bad_status;
        self.rpc += other.rpc;
        self.bad_framing += other.bad_framing;
        self.unanswered += other.unanswered;
    }
}
