//! Limits of the process that a server must raise before it serves.

use crate::sys;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;

/// Raises the soft limit of open files to the hard one, and returns the soft limit before and after
/// (`u64::MAX` = unlimited).
///
/// The soft limit is 1,024 by custom, for the sake of programs that use select(2). A server holds a
/// descriptor for every connection. Children inherit the raised limit.
///
/// ```
/// let (before, after) = corelay_poll::limits::raise_open_files()?;
/// assert!(after >= before);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// None known on Linux and FreeBSD; on macOS whatever setrlimit(2) says to 10,240 files.
pub fn raise_open_files() -> io::Result<(u64, u64)> {
    let limit = getrlimit(Resource::Nofile);
    let before = limit.current.unwrap_or(u64::MAX);
    let mut refused = None;
    for wanted in sys::open_files_candidates(limit.maximum) {
        let after = wanted.unwrap_or(u64::MAX);
        if after <= before {
            return Ok((before, before));
        }
        match setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum: limit.maximum }) {
            Ok(()) => return Ok((before, after)),
            Err(errno) => refused = Some(errno),
        }
    }
    refused.map_or(Ok((before, before)), |errno| Err(errno.into()))
}
