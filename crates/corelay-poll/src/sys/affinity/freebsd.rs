//! cpuset_setaffinity(2). Called directly and not through the Linux-like `sched_setaffinity` of FreeBSD's
//! libc, which takes a number that may name a process or a thread: `CPU_WHICH_TID` with the id -1 can only
//! mean the calling thread.

use libc::{
    CPU_ISSET, CPU_LEVEL_WHICH, CPU_SET, CPU_WHICH_TID, cpuset_getaffinity, cpuset_setaffinity, cpuset_t,
};
use std::io;
use std::mem::size_of;

const CURRENT_THREAD: libc::id_t = -1;
const CPUS_MAX: usize = size_of::<cpuset_t>() * 8;

pub(crate) fn current_thread_cpus() -> io::Result<Vec<usize>> {
    let mut set = empty();
    // SAFETY: `set` is a live `cpuset_t`, and the size passed is its size.
    let outcome = unsafe {
        cpuset_getaffinity(CPU_LEVEL_WHICH, CPU_WHICH_TID, CURRENT_THREAD, size_of::<cpuset_t>(), &mut set)
    };
    checked(outcome)?;
    // SAFETY: `cpu` is below the number of bits in the set.
    Ok((0..CPUS_MAX).filter(|&cpu| unsafe { CPU_ISSET(cpu, &set) }).collect())
}

pub(crate) fn set_current_thread_cpus(cpus: &[usize]) -> io::Result<bool> {
    let mut set = empty();
    for &cpu in cpus {
        if cpu >= CPUS_MAX {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: `cpu` is below the number of bits in the set.
        unsafe { CPU_SET(cpu, &mut set) };
    }
    // SAFETY: `set` is a live `cpuset_t`, read only, and the size passed is its size.
    let outcome = unsafe {
        cpuset_setaffinity(CPU_LEVEL_WHICH, CPU_WHICH_TID, CURRENT_THREAD, size_of::<cpuset_t>(), &set)
    };
    checked(outcome)?;
    Ok(true)
}

fn empty() -> cpuset_t {
    // SAFETY: `cpuset_t` is an array of integers, for which all zeroes is a value: the empty set.
    unsafe { std::mem::zeroed() }
}

fn checked(outcome: libc::c_int) -> io::Result<()> {
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
