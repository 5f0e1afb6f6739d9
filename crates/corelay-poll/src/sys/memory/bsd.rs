//! The machine's memory as sysconf(3) tells it, in pages.

pub(crate) fn physical_bytes() -> Option<u64> {
    // SAFETY: sysconf(3) takes a number, gives a number, and touches no memory of ours.
    let pages = unsafe { libc::sysconf(libc::_SC_PHYS_PAGES) };
    u64::try_from(pages).ok()?.checked_mul(rustix::param::page_size() as u64)
}
