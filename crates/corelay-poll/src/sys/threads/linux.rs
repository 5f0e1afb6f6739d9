//! Limits on threads as the kernel has them: proc(5), getrlimit(2), cgroups(7).

use crate::limits::ThreadLimit;
use rustix::process::{Resource, getrlimit};
use std::fs;
use std::sync::OnceLock;

/// Memory mappings of a thread of the standard library's: its stack, its alternate signal stack, and a guard page of each.
const MAPPINGS_PER_THREAD: usize = 4;
/// Mappings that are left for all else. A thread whose stack is mapped and whose alternate signal stack cannot be ends the
/// process (the standard library panics before there is anybody to catch it), so the kernel must not be the one to say no.
const MAPPINGS_KEPT: usize = 2048;
/// Address space that is left for all else, for the same reason, in bytes.
const ADDRESS_SPACE_KEPT: u64 = 32 << 20;

pub(crate) fn room(threads: usize, stack_bytes: usize) -> Result<(), ThreadLimit> {
    if threads >= threads_mapped_max() {
        return Err(ThreadLimit::Mappings);
    }
    match getrlimit(Resource::As).current {
        Some(limit) if address_space() + stack_bytes as u64 + ADDRESS_SPACE_KEPT > limit => {
            Err(ThreadLimit::AddressSpace)
        }
        _ => Ok(()),
    }
}

/// Read once: who raises it does so before the server starts.
fn threads_mapped_max() -> usize {
    static MAX: OnceLock<usize> = OnceLock::new();
    *MAX.get_or_init(|| {
        let mappings = number_in("/proc/sys/vm/max_map_count").unwrap_or(65_530);
        (mappings as usize).saturating_sub(MAPPINGS_KEPT) / MAPPINGS_PER_THREAD
    })
}

fn address_space() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

/// clone(2) says EAGAIN for all of these, so what is full is looked up. What is not known to be full may be the memory.
pub(crate) fn reached() -> ThreadLimit {
    if super::quota::tasks_are_full() {
        return ThreadLimit::ControlGroup;
    }
    if system_is_full() {
        return ThreadLimit::System;
    }
    if getrlimit(Resource::Nproc).current.is_some() && !rustix::process::geteuid().is_root() {
        return ThreadLimit::Processes;
    }
    ThreadLimit::Memory
}

/// Whether all the threads there are (the fourth field of /proc/loadavg, behind its slash) are as many as may be, or nearly.
fn system_is_full() -> bool {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let running_and_all = text.split(' ').nth(3).and_then(|field| field.split_once('/'));
    let Some(threads) = running_and_all.and_then(|(_, all)| all.parse::<u64>().ok()) else { return false };
    ["/proc/sys/kernel/threads-max", "/proc/sys/kernel/pid_max"]
        .iter()
        .filter_map(|path| number_in(path))
        .any(|max| threads + threads / 64 >= max)
}

fn number_in(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
