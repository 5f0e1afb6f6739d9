//! Why a load cannot be made as it was asked for: always the flag, what was given, and what is allowed. Exit 2, all of them.

use std::fmt;
use std::path::PathBuf;

/// What is wrong with the command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LoadError {
    /// A value that its flag does not take.
    Invalid { flag: &'static str, value: String, expected: String },
    /// Two flags that exclude each other.
    Conflict { one: &'static str, other: &'static str },
    /// A flag that means nothing without one of others.
    Lacks { flag: &'static str, needed: &'static str },
    /// A file that cannot be read, or does not say what it should.
    File { flag: &'static str, path: PathBuf, reason: String },
    /// More connections than there are ports for.
    Ports { connections: u32, per_source: u64, sources: u64 },
}

impl LoadError {
    pub(super) fn invalid(flag: &'static str, value: &str, expected: impl Into<String>) -> Self {
        Self::Invalid { flag, value: value.to_owned(), expected: expected.into() }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { flag, value, expected } => {
                write!(f, "invalid value '{}' for {flag}: expected {expected}", value.escape_debug())
            }
            Self::Conflict { one, other } => {
                write!(f, "{one} cannot be used with {other}: give one of the two")
            }
            Self::Lacks { flag, needed } => write!(f, "{flag} means nothing without {needed}"),
            Self::File { flag, path, reason } => {
                write!(f, "the file of {flag}, {}: {}", path.display(), reason.trim_end())
            }
            Self::Ports { connections, per_source, sources } => write!(
                f,
                "invalid value '{connections}' for --connections: a source address has {per_source} ports \
                 towards a server, and there are {sources}: name more with --source, such as \
                 --source 127.0.0.0/8 for a server on this machine"
            ),
        }
    }
}

impl std::error::Error for LoadError {}
