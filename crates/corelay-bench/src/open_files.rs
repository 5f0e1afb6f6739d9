//! The limit on open files: soft raised to hard, since fifteen thousand idle connections need as many descriptors.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit on open files to the hard one (getrlimit(2), RLIMIT_NOFILE).
///
/// # Errors
///
/// What setrlimit(2) reports.
///
/// ```
/// corelay_bench::open_files::raise_limit()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn raise_limit() -> std::io::Result<()> {
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard })?;
    Ok(())
}
