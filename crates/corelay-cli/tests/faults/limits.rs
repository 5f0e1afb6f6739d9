//! Limits of the kernel on a running server, set from outside (prlimit(2)).

use std::fs;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::support::Server;

/// Sets the soft limit; the hard one stays as it is. `None` lifts it.
fn set(server: &Server, resource: Resource, soft: Option<u64>) {
    let process = Pid::from_raw(i32::try_from(server.id()).expect("a process id fits"));
    // A process's own limits are those of this test, which started it.
    let Rlimit { maximum, .. } = getrlimit(resource);
    let limit = Rlimit { current: soft.or(maximum), maximum };
    prlimit(process, resource, limit).expect("a process of the same user may be limited");
}

/// Leaves the server this much more address space than it has now, in bytes.
pub(crate) fn leave_memory(server: &Server, bytes: u64) {
    set(server, Resource::As, Some(address_space_bytes(server) + bytes));
}

/// Lifts the limit on address space.
pub(crate) fn lift_memory(server: &Server) {
    set(server, Resource::As, None);
}

/// Lifts the limit on descriptors.
pub(crate) fn lift_files(server: &Server) {
    set(server, Resource::Nofile, None);
}

/// Leaves the server as many more descriptors.
pub(crate) fn leave_files(server: &Server, count: usize) {
    let open = server.process().open_files();
    set(server, Resource::Nofile, Some((open + count) as u64));
}

/// The server's address space in bytes (`VmSize` of proc_pid_status(5)).
fn address_space_bytes(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).expect("the server runs");
    let line = status.lines().find(|line| line.starts_with("VmSize:")).expect("status has VmSize");
    let kib = line.split_ascii_whitespace().nth(1).expect("VmSize has a value");
    kib.parse::<u64>().expect("VmSize is a number") * 1024
}
