//! The soft limit of open files is raised to the hard one.

use corelay_poll::limits::raise_open_files;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;

#[test]
fn it_is_raised_once_and_then_left_alone() -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(256), maximum })?;

    let (before, after) = raise_open_files()?;
    assert_eq!(before, 256);
    assert!(after > before);
    assert_eq!(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), after);
    assert_eq!(getrlimit(Resource::Nofile).maximum, maximum, "the hard limit is the administrator's");
    assert_eq!(raise_open_files()?, (after, after));
    Ok(())
}
