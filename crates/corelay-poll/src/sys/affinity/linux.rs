//! sched_setaffinity(2).

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::io;

pub(crate) fn current_thread_cpus() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect())
}

/// The kernel keeps those CPUs of the set that the process may use, and refuses only if none is left.
pub(crate) fn set_current_thread_cpus(cpus: &[usize]) -> io::Result<bool> {
    let mut set = CpuSet::new();
    for &cpu in cpus {
        if cpu >= CpuSet::MAX_CPU {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        set.set(cpu);
    }
    sched_setaffinity(None, &set)?;
    Ok(true)
}
