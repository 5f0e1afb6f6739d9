//! The limits that a server is started with.

use rustix::process::getuid;

use crate::bench::servers::words;

/// Address space of a server that is to run out of it, in bytes. About half goes to the arenas of its allocator, of 64 MiB each.
const ADDRESS_SPACE: &str = "2000000000";

/// Threads of a user who is to run out of them.
const PROCESSES: &str = "3000";

/// Nobody, by custom. Root is not bound by RLIMIT_NPROC, so root's server must be somebody else's.
const NOBODY: &str = "65534";

/// What a server is kept from more threads by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// Whatever comes first on this machine: usually `vm.max_map_count`.
    Machine,
    /// `RLIMIT_AS`.
    AddressSpace,
    /// `RLIMIT_NPROC`, which counts all threads of the user.
    Processes,
}

impl Limit {
    pub(super) const ALL: [Self; 3] = [Self::Machine, Self::AddressSpace, Self::Processes];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::AddressSpace => "address-space",
            Self::Processes => "processes",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.name() == name)
    }

    /// What the server's log must say; of the machine's own, anything is right.
    pub(super) fn expected(self) -> Option<&'static str> {
        match self {
            Self::Machine => None,
            Self::AddressSpace => Some("RLIMIT_AS"),
            Self::Processes => Some("RLIMIT_NPROC"),
        }
    }

    /// What is put before the server's command.
    pub(super) fn prefix(self) -> Vec<String> {
        match self {
            Self::Machine => Vec::new(),
            Self::AddressSpace => words(&["prlimit", &format!("--as={ADDRESS_SPACE}")]),
            Self::Processes => {
                let limited = words(&["prlimit", &format!("--nproc={PROCESSES}")]);
                let as_nobody = words(&["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
                if getuid().is_root() { [limited, as_nobody].concat() } else { limited }
            }
        }
    }
}
