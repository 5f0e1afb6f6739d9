//! The program that an upgrade starts: found when this process starts, for then its own name still means itself.
//!
//! A new release mostly takes the place of the old file, or a link is set to another one. So the program is the *path* this one was
//! started by, made absolute and not resolved any further, and not `/proc/self/exe`: that names the file that runs, which may
//! be gone (` (deleted)`) or be the old one for ever. It is used only where the path does not lead here.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What to start, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<OsString>,
}

impl Program {
    /// The one that runs.
    pub(crate) fn this() -> io::Result<Self> {
        let mut arguments = env::args_os();
        let name = arguments.next().unwrap_or_default();
        let running = env::current_exe()?;
        let path = named(&name, &env::current_dir().unwrap_or_default(), env::var_os("PATH").as_deref());
        let path = path.filter(|path| is_same(path, &running)).unwrap_or(running);
        Ok(Self { path, arguments: arguments.collect() })
    }
}

/// Where a shell would have found `name`.
fn named(name: &OsStr, directory: &Path, path: Option<&OsStr>) -> Option<PathBuf> {
    if Path::new(name).components().count() > 1 || Path::new(name).is_absolute() {
        return Some(directory.join(name));
    }
    let directories = path.map(env::split_paths)?;
    directories.map(|found| directory.join(found).join(name)).find(|found| found.is_file())
}

fn is_same(one: &Path, other: &Path) -> bool {
    let file = |path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    file(one).is_some_and(|found| file(other) == Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_a_shell_finds_it_and_a_link_stays_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let bin = directory.path().join("bin");
        fs::create_dir(&bin).expect("a new directory");
        fs::write(bin.join("server-1"), "").expect("a new file");
        std::os::unix::fs::symlink("server-1", bin.join("server")).expect("a new link");
        let here = directory.path();
        let named = |name: &str| named(OsStr::new(name), here, Some(OsStr::new("/nowhere:bin")));
        assert_eq!(named("bin/server"), Some(bin.join("server")), "not resolved");
        assert_eq!(named("server"), Some(bin.join("server")));
        assert_eq!(named("/usr/server"), Some("/usr/server".into()));
        assert_eq!(named("absent"), None);
        assert!(is_same(&bin.join("server"), &bin.join("server-1")));
    }

    #[test]
    fn this_program_is_the_one_that_runs() {
        let program = Program::this().expect("it runs");
        assert!(is_same(&program.path, &env::current_exe().expect("it runs")));
        assert!(program.path.is_absolute());
    }
}
